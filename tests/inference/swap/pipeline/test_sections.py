"""Sections of a target have options of their own, whatever the segments and processes are."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.clips import make_clip

from faceloom.array_types import Rgb
from faceloom.errors import UsageError
from faceloom.image_io import write_png
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.swap import ConvertOptions, SwapOptions, SwapRequest, convert, convert_request
from faceloom.swap.options import Section
from faceloom.swap.pipeline.swap_source import Assignment
from faceloom.video import Encoding, FrameRange, read_frames

# Without C2PA, whose signatures differ each time, and without face parsing, which takes time.
BASE = SwapOptions(color="lab", mask="both")
OPTIONS = ConvertOptions(
    color="lab",
    mask="both",
    batch_size=3,
    segment_length=12,
    encoding=Encoding("lossless"),
    marking=MarkSettings("tags"),
    workers=1,
)


def section(frames: str, swap: bool = True, **changes: object) -> Section:
    return Section(FrameRange.parse(frames), replace(BASE, **changes), swap)


# One crosses the end of a segment, one is given in times, one follows the other at once.
SECTIONS = (
    section("8:20", color="none", mask="mesh", forehead=0.2),
    section("30:34", swap=False),
    section("1.36s:1.6s", erode=0.15, on_missing="last"),
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, pictures: list[Rgb]) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "c.mp4", pictures)


def converted(clip: Path, bundle: Path, out: Path, options: ConvertOptions) -> list[Rgb]:
    run_to_completion(convert(clip, bundle, out, options))
    return [frame.rgb for frame in read_frames(out)]


def equal_frames(one: Sequence[Rgb], other: Sequence[Rgb]) -> list[int]:
    return [
        index for index, (a, b) in enumerate(zip(one, other, strict=True)) if np.array_equal(a, b)
    ]


@pytest.mark.long
def test_a_section_changes_its_frames_alone(
    tmp_path: Path, clip: Path, bundle: Path, pictures: list[Rgb]
) -> None:
    """Frames 20 to 24 have no face."""
    plain = converted(clip, bundle, tmp_path / "plain.mkv", OPTIONS)
    wide = converted(clip, bundle, tmp_path / "wide.mkv", replace(OPTIONS, erode=0.15))
    sections = (section("5:15", erode=0.15), section("40:", swap=False))
    options = replace(OPTIONS, sections=sections)
    mixed = converted(clip, bundle, tmp_path / "mixed.mkv", options)
    assert equal_frames(mixed, plain) == [*range(5), *range(15, 40)]
    assert equal_frames(mixed, wide) == [*range(5, 15), *range(20, 25)]
    original = [frame.rgb for frame in read_frames(clip)]
    assert equal_frames(mixed, original) == [*range(20, 25), *range(40, 50)]


@pytest.mark.process
def test_processes_and_an_interruption_change_no_byte(
    tmp_path: Path, clip: Path, bundle: Path
) -> None:
    options = replace(OPTIONS, sections=SECTIONS)
    converted(clip, bundle, tmp_path / "one.mkv", options)
    expected = (tmp_path / "one.mkv").read_bytes()
    converted(clip, bundle, tmp_path / "three.mkv", replace(options, workers=3))
    assert (tmp_path / "three.mkv").read_bytes() == expected
    out = tmp_path / "resumed.mkv"
    for frames in (13, 26, 38):
        work = convert(clip, bundle, out, replace(options, resume=True))
        while next(work).done < frames:
            pass
        work.close()
    changed = replace(options, sections=SECTIONS[1:], resume=True)
    with pytest.raises(UsageError, match="settings differ from the interrupted run: sections"):
        converted(clip, bundle, out, changed)
    converted(clip, bundle, out, replace(options, resume=True))
    assert out.read_bytes() == expected


@pytest.mark.long
def test_the_first_frames_of_a_section_are_those_of_a_new_clip(
    tmp_path: Path, clip: Path, bundle: Path
) -> None:
    """The colors that another setting has measured are not mixed in."""
    histogram = section("12:20", color="histogram")
    mixed = converted(clip, bundle, tmp_path / "mixed.mkv", replace(OPTIONS, sections=(histogram,)))
    alone = converted(
        clip,
        bundle,
        tmp_path / "alone.mkv",
        replace(OPTIONS, color="histogram", frame_range=FrameRange.parse("12:20")),
    )
    # The faces of a range are found without the frames before it: the smoothing differs a little.
    assert np.abs(mixed[12].astype(int) - alone[0]).mean() < 0.5


def test_a_reference_picture_of_a_section_is_part_of_what_must_match(
    tmp_path: Path, clip: Path, bundle: Path, pictures: list[Rgb]
) -> None:
    write_png(tmp_path / "ada.png", pictures[0])
    people = section("5:45", reference=(tmp_path / "ada.png",))
    options = replace(OPTIONS, sections=(people,), resume=True)
    work = convert(clip, bundle, tmp_path / "out.mkv", options)
    while next(work).done < 13:
        pass
    work.close()
    write_png(tmp_path / "ada.png", pictures[1])
    with pytest.raises(UsageError, match="settings differ from the interrupted run: sections"):
        converted(clip, bundle, tmp_path / "out.mkv", options)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ((section("0:20"), section("10:30")), r"sections 0:20 and 10:30 overlap from frame 10 on"),
        ((section("0s:0.4s"), section("9:12")), "0s:0.4s and 9:12 overlap"),
        ((section("40:51"),), r"section 40:51 is not in the target, which has 50 frames"),
        ((section("50:"),), r"section 50: is not in the target"),
        ((section("9s:"),), r"starts at 1\.960 s"),
        ((section("0:9", select="biggest"),), "--select 'biggest' is invalid"),
        ((section("0:9", select="track:0"),), r"Track 0 is counted .* --range starts later"),
    ],
)
def test_sections_that_cannot_be_used_are_refused_before_the_work(
    tmp_path: Path, clip: Path, bundle: Path, sections: tuple[Section, ...], words: str
) -> None:
    options = replace(OPTIONS, sections=sections, frame_range=FrameRange.parse("1:"))
    with pytest.raises(UsageError, match=words):
        run_to_completion(convert(clip, bundle, tmp_path / "out.mkv", options))
    assert not [*tmp_path.iterdir()]


def test_a_map_selects_in_all_sections(tmp_path: Path, clip: Path, bundle: Path) -> None:
    request = SwapRequest(assignments=(Assignment(tmp_path / "ada.png", bundle),))
    options = replace(OPTIONS, sections=(section("0:9", select="all"),))
    with pytest.raises(UsageError, match="leave out --select"):
        run_to_completion(convert_request(clip, request, tmp_path / "out.mkv", options))
