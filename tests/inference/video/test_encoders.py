"""Encoders, their one scale of quality, their own options, and what is refused."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fake_swap import frame_times, swap

from faceloom.errors import FaceloomError, ProviderMissing, UsageError
from faceloom.video import (
    Encoding,
    SegmentWriter,
    output_warnings,
    probe_video,
    read_frames,
)

# Encoder -> codec, and what becomes of 4:2:0 in 8 bits and 4:2:2 in 10.
ENCODERS = {
    "x264": ("h264", "yuv420p", "yuv422p10le"),
    "x265": ("hevc", "yuv420p", "yuv422p10le"),
    "svtav1": ("libdav1d", "yuv420p", "yuv420p10le"),
    "lossless": ("h264", "yuv420p", "yuv422p10le"),
}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("deep", [False, True])
def test_encoders(tmp_path: Path, encoder: str, deep: bool) -> None:
    codec, *formats = ENCODERS[encoder]
    times = [0, 40, 80, 300, 310, 790]
    clip = make_clip(
        tmp_path / "in.mp4", wave_images(6), pts=times, pixel_format="yuv422p10le" if deep else "yuv420p"
    )
    info, out = probe_video(clip), tmp_path / "out.mp4"
    after = probe_video(swap(clip, out, Encoding(encoder)))
    assert (after.codec, after.pixel_format) == (codec, formats[deep])
    assert frame_times(out) == [Fraction(t, 1000) for t in times]
    said = output_warnings(out, info, Encoding(encoder))
    assert bool(said) == (after.pixel_format != info.pixel_format)


@pytest.mark.parametrize(
    ("encoder", "ending", "tag"),
    [("x265", "mp4", "hvc1"), ("x265", "mov", "hvc1"), ("svtav1", "webm", "")],
)
def test_containers_call_them_what_players_know(
    tmp_path: Path, encoder: str, ending: str, tag: str
) -> None:
    out = swap(
        make_clip(tmp_path / "in.mp4", wave_images(4)), tmp_path / f"out.{ending}", Encoding(encoder)
    )
    with av.open(str(out)) as container:
        assert tag in container.streams.video[0].codec_context.codec_tag
    assert len(frame_times(out)) == 4


@pytest.mark.parametrize("encoder", ["x264", "x265", "svtav1"])
def test_quality_goes_one_way(tmp_path: Path, sample: Path, encoder: str) -> None:
    info = probe_video(sample / "target_ada.mp4")
    sizes = []
    for quality in (20, 75, 95):
        with SegmentWriter.open(tmp_path / "segment", info, Encoding(encoder, quality)) as writer:
            for frame in read_frames(info.path, stop=3):
                writer.write(frame)
        sizes.append((tmp_path / "segment").stat().st_size)
    assert sizes[0] < 0.6 * sizes[1] < 0.6 * 0.8 * sizes[2]


def test_the_default_is_crf_17(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", wave_images(3))
    swap(clip, tmp_path / "a.mp4")
    assert b"crf=17.0" in (tmp_path / "a.mp4").read_bytes()
    swap(clip, tmp_path / "b.mp4", Encoding.parse(options=["crf=30", "preset=ultrafast"]))
    assert b"crf=30.0" in (tmp_path / "b.mp4").read_bytes()


REFUSED_CLASSES: dict[str, tuple[Callable[[Path], object], type[FaceloomError], str]] = {
    "unknown encoder": (lambda clip: Encoding.parse("divx"), UsageError, "no encoder divx"),
    "quality out of range": (
        lambda clip: Encoding.parse(quality=101),
        UsageError,
        "between 0 and 100",
    ),
    "quality of lossless": (
        lambda clip: Encoding.parse("lossless", 50),
        UsageError,
        "loses nothing",
    ),
    "no pair": (lambda clip: Encoding.parse(options=["crf"]), UsageError, "key=value"),
    "misspelt option": (
        lambda c: swap(c, c / "../o.mp4", Encoding.parse(options=["cfr=1"])),
        UsageError,
        "mean crf",
    ),
    "wrong value": (
        lambda c: swap(c, c / "../o.mp4", Encoding.parse(options=["crf=much"])),
        UsageError,
        "crf=much",
    ),
    "png as a video": (
        lambda c: swap(c, c / "../o.mp4", Encoding("png")),
        UsageError,
        "name a folder",
    ),
    "x265 as a gif": (
        lambda c: swap(c, c / "../o.gif", Encoding("x265")),
        UsageError,
        "writes videos",
    ),
    "a video as a still": (lambda c: swap(c, c / "../o.png"), UsageError, "one picture"),
    "h264 in webm": (lambda c: swap(c, c / "../o.webm"), UsageError, "cannot hold h264"),
    "no such ending": (lambda c: swap(c, c / "../o.avi"), UsageError, "written as .mp4"),
    "no such pattern": (lambda c: swap(c, c / "../o_%s_%d.png"), UsageError, "does not number"),
    "a gpu that is not here": (
        lambda c: swap(c, c / "../o.mp4", Encoding("nvenc")),
        ProviderMissing,
        "does not run",
    ),
}


@pytest.mark.parametrize("name", REFUSED_CLASSES)
def test_what_cannot_be_encoded_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    attempt, error, words = REFUSED_CLASSES[name]
    clip = make_clip(tmp_path / "in.mp4", wave_images(2))
    with pytest.raises(error, match=words) as refused:
        attempt(clip)
    assert "\n" not in str(refused.value)
    assert {p.name for p in tmp_path.iterdir()} == {"in.mp4"}
