"""A resumed conversion writes the same bytes as an uninterrupted one."""

import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.clips import make_clip

from faceloom.array_types import Rgb
from faceloom.atomic import write_text
from faceloom.cli.convert.batch import _sentence
from faceloom.errors import MediaUnreadable, NoFaceFound, PartlyDone, ProviderMissing, UsageError
from faceloom.image_io import write_png
from faceloom.progress import run_to_completion
from faceloom.provenance import MarkSettings
from faceloom.swap import Bundle, ConvertOptions, SwapNetwork, SwapRequest, convert
from faceloom.swap.options import (
    FILES_MUST_MATCH,
    MAY_CHANGE,
    MUST_MATCH,
    SECTIONS_MUST_MATCH,
    resume_settings,
)
from faceloom.swap.pipeline.analysis_state_io import read_state, write_state
from faceloom.swap.pipeline.face_blending import SwappedFace
from faceloom.swap.pipeline.resume_key import read_batch_size, resume_folder
from faceloom.video import FrameRange, read_frames

# Without C2PA, whose signatures differ each time, and without face parsing, which takes half of the
# time and keeps nothing from frame to frame.
OPTIONS = ConvertOptions(
    batch_size=3, segment_length=12, color="lab", mask="both", marking=MarkSettings("tags")
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, pictures: list[Rgb]) -> Path:
    """The pictures at uneven times, with sound."""
    times = np.cumsum([0] + [40, 33, 50, 40, 90] * 10)[:50].tolist()
    return make_clip(
        tmp_path_factory.mktemp("clips") / "long.mp4", pictures, pts=times, audio_seconds=2.0
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, clip: Path, bundle: Path) -> bytes:
    out = tmp_path_factory.mktemp("uninterrupted") / "out.mp4"
    run_to_completion(convert(clip, bundle, out, OPTIONS))
    assert [path.name for path in out.parent.iterdir()] == ["out.mp4"]
    return out.read_bytes()


def stop_after(
    clip: Path, bundle: Path, out: Path, frames: int, options: ConvertOptions = OPTIONS
) -> None:
    work = convert(clip, bundle, out, options)
    while next(work).done < frames:
        pass
    work.close()


@pytest.mark.long
def test_the_same_command_gives_the_same_bytes(
    tmp_path: Path, clip: Path, bundle: Path, uninterrupted: bytes
) -> None:
    run_to_completion(convert(clip, bundle, tmp_path / "again.mp4", OPTIONS))
    assert (tmp_path / "again.mp4").read_bytes() == uninterrupted


@pytest.mark.parametrize(
    ("stops", "resumed_at"),
    [
        pytest.param((13,), 12, marks=pytest.mark.exhaustive),
        pytest.param((26,), 24, marks=pytest.mark.exhaustive),
        ((14, 27, 49), 48),
    ],
)
@pytest.mark.long
def test_resume_continues_with_the_same_bytes(
    tmp_path: Path,
    clip: Path,
    bundle: Path,
    uninterrupted: bytes,
    stops: tuple[int, ...],
    resumed_at: int,
) -> None:
    out = tmp_path / "out.mp4"
    for frames in stops:
        stop_after(clip, bundle, out, frames, replace(OPTIONS, resume=True))
        assert not out.exists()
        assert resume_folder(out).is_dir()
    summary = run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    assert (summary.frames, summary.swapped_frames, summary.resumed_at) == (50, 45, resumed_at)
    assert out.read_bytes() == uninterrupted
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.long
def test_resume_restores_shots_lost_faces_and_occlusion(
    tmp_path: Path, clip: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing stands before a face in the clip; a third of its frames, by their pixels, count so.
    occluded = property(lambda face: int(face.aligned.crop.rgb.sum()) % 3 == 0)
    monkeypatch.setattr(SwappedFace, "is_occluded", occluded)
    options = replace(OPTIONS, on_missing="last", color="rct")
    complete = run_to_completion(convert(clip, bundle, tmp_path / "complete.mkv", options))
    # The face is lost in frames 20 to 24, across the end of the second segment.
    for frames in (13, 25, 37):
        stop_after(clip, bundle, tmp_path / "out.mkv", frames, replace(options, resume=True))
    resumed = run_to_completion(
        convert(clip, bundle, tmp_path / "out.mkv", replace(options, resume=True))
    )
    assert (tmp_path / "out.mkv").read_bytes() == (tmp_path / "complete.mkv").read_bytes()
    assert resumed.occlusion == complete.occlusion
    assert complete.occlusion
    assert 5 < complete.occlusion.frames < 40
    sentence = _sentence(tmp_path / "out.mkv", SwapRequest(bundle=bundle), resumed)
    assert "Something stands before the face in" in sentence
    # The last frame begins at 2.48 s.
    assert all(0 <= start <= end < 2.5 for start, end in complete.occlusion.spans)


def test_segments_are_deleted_without_keep_partial(
    tmp_path: Path, clip: Path, bundle: Path
) -> None:
    """Standard input cannot be read again."""
    stop_after(clip, bundle, tmp_path / "out.mp4", 26, replace(OPTIONS, keep_partial=False))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_a_range_can_be_resumed(tmp_path: Path, clip: Path, bundle: Path) -> None:
    options = replace(OPTIONS, frame_range=FrameRange.parse("5:47"))
    run_to_completion(convert(clip, bundle, tmp_path / "complete.mkv", options))
    stop_after(clip, bundle, tmp_path / "out.mkv", 30, options)
    run_to_completion(convert(clip, bundle, tmp_path / "out.mkv", replace(options, resume=True)))
    assert (tmp_path / "out.mkv").read_bytes() == (tmp_path / "complete.mkv").read_bytes()


def test_an_image_sequence_can_be_resumed(tmp_path: Path, clip: Path, bundle: Path) -> None:
    out = tmp_path / "frames" / "p_%03d.png"
    options = replace(OPTIONS, frame_range=FrameRange.parse("0:20"))
    stop_after(clip, bundle, out, 14, options)
    assert [path.name for path in tmp_path.iterdir()] == [".frames.work"]
    assert (
        run_to_completion(convert(clip, bundle, out, replace(options, resume=True))).resumed_at
        == 12
    )
    assert sorted(path.name for path in out.parent.iterdir()) == [
        f"p_{number:03d}.png" for number in range(20)
    ]


@pytest.mark.process
def test_a_killed_process_can_be_resumed(
    tmp_path: Path, clip: Path, bundle: Path, uninterrupted: bytes
) -> None:
    out = tmp_path / "out.mp4"
    program = (
        "import sys; from pathlib import Path; from faceloom.progress import run_to_completion\n"
        "from faceloom.swap import ConvertOptions, convert; a, b, c = map(Path, sys.argv[1:])\n"
        "options = ConvertOptions(batch_size=3, segment_length=12, color='lab', mask='both')\n"
        "run_to_completion(convert(a, b, c, options))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(clip), str(bundle), str(out)])
    while process.poll() is None and not (resume_folder(out) / "000001.json").exists():
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not out.exists()
    summary = run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    assert summary.resumed_at >= 24
    assert out.read_bytes() == uninterrupted


@pytest.mark.long
def test_a_damaged_segment_is_redone(
    tmp_path: Path, clip: Path, bundle: Path, uninterrupted: bytes
) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 40)
    second = resume_folder(out) / "000002.segment"
    second.write_bytes(second.read_bytes()[:-1])
    summary = run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    assert summary.resumed_at == 24
    assert out.read_bytes() == uninterrupted


@pytest.mark.long
def test_an_interrupted_conversion_needs_resume_or_force_and_equal_options(
    tmp_path: Path, clip: Path, bundle: Path
) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 13)
    with pytest.raises(
        UsageError, match=r"12 of its frames are finished. Add --resume to continue it, or --force"
    ):
        run_to_completion(convert(clip, bundle, out, OPTIONS))
    with pytest.raises(UsageError, match=r"differ from the interrupted run: color\. "):
        run_to_completion(convert(clip, bundle, out, replace(OPTIONS, color="none", resume=True)))
    assert resume_folder(out).is_dir()
    assert (
        run_to_completion(convert(clip, bundle, out, replace(OPTIONS, force=True))).resumed_at == 0
    )


def test_segments_are_deleted_when_the_target_is_refused(
    tmp_path: Path, clip: Path, bundle: Path
) -> None:
    with pytest.raises(NoFaceFound, match="frame 20 "):
        run_to_completion(
            convert(clip, bundle, tmp_path / "out.mp4", replace(OPTIONS, on_missing="fail"))
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_a_full_disk_keeps_finished_segments(
    tmp_path: Path, clip: Path, bundle: Path, uninterrupted: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mp4"

    def fails_later(path: Path, text: str) -> None:
        if path.name == "000002.json":
            raise PartlyDone("The disk is full.")
        write_text(path, text)

    with monkeypatch.context() as patch:
        patch.setattr("faceloom.swap.pipeline.resume_store.write_text", fails_later)
        with pytest.raises(PartlyDone):
            run_to_completion(convert(clip, bundle, out, OPTIONS))
    assert (
        run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True))).resumed_at
        == 24
    )
    assert out.read_bytes() == uninterrupted


def test_a_state_is_read_as_written(tmp_path: Path, clip: Path, bundle: Path) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 26)
    path = resume_folder(out) / "000001.npz"
    state = read_state(path)
    write_state(tmp_path / "again.npz", state)
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()
    assert (state.next_frame, len(state.lead_in), len(state.recent_faces)) == (24, 8, 4)


@pytest.mark.long
def test_a_read_error_keeps_finished_segments(
    tmp_path: Path, clip: Path, bundle: Path, uninterrupted: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 26)

    def unplugged(*_: object, **__: object) -> None:
        raise MediaUnreadable("The disk is unplugged.")

    with monkeypatch.context() as patch:
        patch.setattr("faceloom.swap.pipeline.target.read_source", unplugged)
        with pytest.raises(MediaUnreadable):
            run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True)))
    (resume_folder(out) / "000001.npz").write_bytes(b"")
    assert (
        run_to_completion(convert(clip, bundle, out, replace(OPTIONS, resume=True))).resumed_at
        == 12
    )
    assert out.read_bytes() == uninterrupted


def test_two_processes_do_not_work_on_one_output(tmp_path: Path, clip: Path, bundle: Path) -> None:
    first = convert(clip, bundle, tmp_path / "out.mp4", OPTIONS)
    next(first)
    with pytest.raises(UsageError, match="being written by process"):
        run_to_completion(convert(clip, bundle, tmp_path / "out.mp4", replace(OPTIONS, force=True)))
    first.close()


def test_a_changed_reference_picture_prevents_resuming(
    tmp_path: Path, sample: Path, clip: Path, bundle: Path
) -> None:
    out, picture = tmp_path / "out.mp4", tmp_path / "who.png"
    options = replace(OPTIONS, reference=(picture,))
    write_png(picture, next(read_frames(sample / "target_ada.mp4")).rgb)
    stop_after(clip, bundle, out, 13, options)
    write_png(picture, next(read_frames(sample / "target_ben.mp4")).rgb)
    with pytest.raises(UsageError, match=r"interrupted run: reference"):
        run_to_completion(convert(clip, bundle, out, replace(options, resume=True)))


@pytest.mark.long
def test_a_resumed_run_keeps_its_batch_size(tmp_path: Path, clip: Path, bundle: Path) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 13)
    assert read_batch_size(out) == 3
    assert (
        run_to_completion(
            convert(clip, bundle, out, replace(OPTIONS, resume=True, batch_size=None))
        ).resumed_at
        == 12
    )


def test_every_option_declares_how_it_takes_part_in_resuming() -> None:
    for option in fields(ConvertOptions):
        assert option.metadata in (MUST_MATCH, FILES_MUST_MATCH, SECTIONS_MUST_MATCH, MAY_CHANGE), (
            option.name
        )


def test_options_that_decide_no_pixel_may_change_on_resume() -> None:
    changed = ConvertOptions(
        resume=True,
        force=True,
        keep_partial=False,
        engine="ray",
        workers=3,
        marking=MarkSettings("off"),
    )
    assert resume_settings(changed) == resume_settings(ConvertOptions())
    assert resume_settings(replace(changed, sharpen=0.5)) != resume_settings(changed)


@pytest.mark.parametrize(
    ("stored", "given", "opened", "words"),
    [
        ("cpu", "auto", "cpu", ""),
        ("webgpu", "auto", "webgpu", r"Cannot resume .* used the provider webgpu\. .*--force"),
        ("webgpu", "cpu", "cpu", r"differ from the interrupted run: provider\. "),
        # What no version writes is compared and never opened.
        ("abacus", "auto", "auto", r"differ from the interrupted run: provider\. "),
    ],
)
@pytest.mark.long
def test_a_resumed_run_takes_the_provider_of_the_interrupted_one(
    tmp_path: Path,
    clip: Path,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    stored: str,
    given: str,
    opened: str,
    words: str,
) -> None:
    out = tmp_path / "out.mp4"
    stop_after(clip, bundle, out, 13)
    key = resume_folder(out) / "conversion.json"
    key.write_text(key.read_text().replace('"provider": "cpu"', f'"provider": "{stored}"'))
    asked: list[str] = []
    original = SwapNetwork.open

    def watched(bundle: Bundle, provider: str, **settings: Any) -> SwapNetwork:
        asked.append(provider)
        if provider == "webgpu":
            raise ProviderMissing("The webgpu provider is not installed.")
        return original(bundle, provider, **settings)

    monkeypatch.setattr(SwapNetwork, "open", watched)
    work = convert(clip, bundle, out, replace(OPTIONS, resume=True, provider=given))
    if words:
        with pytest.raises((ProviderMissing, UsageError), match=words):
            run_to_completion(work)
    else:
        assert run_to_completion(work).resumed_at == 12
    assert asked == [opened]
