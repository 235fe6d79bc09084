"""Decoding on a GPU gives the software decoder's frames, and falls back to it with one sentence.

The GPU is a software decoder whose frames are reordered as NVDEC returns them.
"""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.plane import VideoPlane
from av.video.stream import VideoStream
from tests.helpers.clips import make_clip, wave_images

from faceloom.video import Frame, read_frames
from faceloom.video.decoding import hardware
from faceloom.video.info import ColorTags
from faceloom.video.pixel_format import convert_pixel_format

# NVDEC's pixel format for each of the software decoder's.
SEMI_PLANAR = {"yuv420p": "nv12", "yuvj420p": "nv12", "yuv420p10le": "p010le"}


class FakeGpu:
    """Decodes in software; `semi_planar` reorders the samples as a GPU does."""

    def __init__(self, context: VideoCodecContext, *, semi_planar: bool):
        self._context, self._semi_planar = context, semi_planar

    def decode(self, packet: "Packet[VideoStream] | None") -> list[av.VideoFrame]:
        frames = self._context.decode(packet)
        if not self._semi_planar:
            return frames
        return [
            convert_pixel_format(
                frame,
                SEMI_PLANAR[frame.format.name],
                ColorTags(2, 2, frame.colorspace, frame.color_range),
            )
            for frame in frames
        ]


def use_gpu(monkeypatch: pytest.MonkeyPatch, *, semi_planar: bool) -> None:
    monkeypatch.setattr(
        hardware,
        "_open_context",
        lambda stream: FakeGpu(hardware._new_context(stream, None), semi_planar=semi_planar),
    )


def samples(frame: av.VideoFrame, plane: VideoPlane) -> np.ndarray:
    """Return a plane's bytes without the padding of its lines."""
    lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    sample_bytes = 1 + (frame.format.components[0].bits > 8)
    return lines[:, : plane.width * sample_bytes]


def assert_equal(found: list[Frame], expected: list[Frame]) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.index, ours.pts, ours.duration) == (theirs.index, theirs.pts, theirs.duration)
        np.testing.assert_array_equal(ours.rgb, theirs.rgb)
        assert ours.decoded
        assert theirs.decoded
        assert ours.decoded.format.name == theirs.decoded.format.name
        for plane, other in zip(ours.decoded.planes, theirs.decoded.planes, strict=True):
            np.testing.assert_array_equal(
                samples(ours.decoded, plane), samples(theirs.decoded, other)
            )
        for tag in ("colorspace", "color_range", "color_trc", "color_primaries"):
            assert getattr(ours.decoded, tag) == getattr(theirs.decoded, tag)


@pytest.mark.parametrize(
    "settings",
    [
        {"matrix": 1, "color_range": 1},
        {"matrix": 1, "color_range": 2},
        {"pixel_format": "yuv420p10le"},
        {"codec": "libx265"},
        {"pts": [0, 40, 80, 300, 310, 790]},
    ],
)
@pytest.mark.parametrize("first", [0, 4])
def test_frames_are_those_of_the_software_decoder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, Any],
    first: int,
) -> None:
    clip = make_clip(tmp_path / "clip.mkv", wave_images(6, 66, 98), **settings)
    expected = list(read_frames(clip))[first:]
    use_gpu(monkeypatch, semi_planar=True)
    start_pts = expected[0].pts if first else None
    found = read_frames(clip, start=first, start_pts=start_pts, decoder="cuda")
    assert_equal(list(found), expected)
    assert not caplog.messages


def no_driver(*_: object, **__: object) -> None:
    raise av.error.PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize(
    ("settings", "prepare", "sentence"),
    [
        (
            {},
            lambda patch: patch.setattr(hardware, "_new_context", no_driver),
            "no NVIDIA GPU can be opened (operation not permitted).",
        ),
        (
            {},
            lambda patch: patch.setattr(hardware, "hwdevices_available", lambda: ["vaapi"]),
            "this FFmpeg has no GPU decoder for h264.",
        ),
        (
            {"pixel_format": "yuv444p"},
            lambda _: None,
            "the GPU decoder is not used for yuv444p.",
        ),
        (
            {},
            lambda patch: use_gpu(patch, semi_planar=False),
            "the GPU decoder does not support this video.",
        ),
    ],
)
def test_without_the_gpu_one_sentence_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, Any],
    prepare: Callable[[pytest.MonkeyPatch], None],
    sentence: str,
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", wave_images(6), **settings)
    expected = list(read_frames(clip))
    prepare(monkeypatch)
    assert_equal(list(read_frames(clip, decoder="cuda")), expected)
    assert caplog.messages == [f"{clip} is decoded in software: {sentence}"]


def test_transparency_is_decoded_in_software(cases: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = next(cases.glob("*alpha*.webm"))
    assert_equal(list(read_frames(clip, decoder="cuda")), list(read_frames(clip)))
    assert caplog.messages == [
        f"{clip} is decoded in software: the GPU decoder is not used for transparency."
    ]


def test_a_video_that_is_opened_twice_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hardware, "hwdevices_available", lambda: [])
    clip = make_clip(tmp_path / "clip.mp4", wave_images(6))
    for _ in range(2):
        list(read_frames(clip, decoder="cuda"))
    assert len(caplog.messages) == 1
