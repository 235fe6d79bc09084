"""Segments are concatenated without a visible seam; reading from any frame; frame ranges."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fakes.swap import frame_times, read_packets, swap, write_segment

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.video import (
    Encoding,
    FrameRange,
    JoinPlan,
    SegmentWriter,
    join_segments,
    probe_video,
    read_frame_pts,
    read_frames,
)
from faceloom.video.segments.segment_concat import decode_timestamps

# Milliseconds of the frames of a video with a variable frame rate.
VARIABLE_TIMES = [0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000]


def test_output_of_a_time_range_starts_at_zero(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", wave_images(12), pts=VARIABLE_TIMES)
    out = swap(source, tmp_path / "out.mkv", frame_range="0.3s:0:00:01.405")
    assert frame_times(out) == [Fraction(n, 1000) for n in (0, 10, 490, 500, 650, 1100)]


@pytest.mark.parametrize("encoder", ["x264", "x265", "svtav1", "lossless"])
@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.long
def test_short_segments_keep_their_times(tmp_path: Path, encoder: str, length: int) -> None:
    """x265 returns random decode timestamps for one or two frames."""
    source = make_clip(tmp_path / "in.mp4", wave_images(7), pts=VARIABLE_TIMES[:7])
    out = swap(source, tmp_path / "out.mp4", Encoding(encoder), segment_count=-(-7 // length))
    assert frame_times(out) == frame_times(source)


@pytest.mark.parametrize("bframes", ["0", "3", "8"])
@pytest.mark.parametrize("lengths", [(1, 1, 10), (5, 7), (2, 3, 4, 3)])
def test_decode_timestamps_increase_over_segment_boundaries(
    tmp_path: Path, bframes: str, lengths: tuple[int, ...]
) -> None:
    source = make_clip(tmp_path / "in.mp4", wave_images(12), pts=VARIABLE_TIMES)
    info, encoding = probe_video(source), Encoding(options=(("bf", bframes), ("qp", "0")))
    start, segments = 0, []
    for length in lengths:
        segments.append(tmp_path / f"{start}.segment")
        pts = read_frame_pts(info)[start]
        write_segment(segments[-1], info, encoding, start, start + length, pts)
        start += length
    out = tmp_path / "out.mp4"
    join_segments(segments, out, JoinPlan(out, info, encoding))
    packets = read_packets(out, "video")
    assert all(a.dts < b.dts for a, b in pairwise(packets))
    assert all(p.dts <= p.pts for p in packets)
    frames = list(read_frames(out))
    assert [f.pts * f.time_base for f in frames] == [Fraction(t, 1000) for t in VARIABLE_TIMES]
    for frame, expected in zip(frames, read_frames(source), strict=True):
        assert np.array_equal(frame.rgb[60:], expected.rgb[60:])


def test_two_frames_with_one_presentation_time_are_refused(tmp_path: Path) -> None:
    info = probe_video(make_clip(tmp_path / "in.mp4", wave_images(3)))
    with (
        pytest.raises(MediaUnreadable, match=r"in\.mp4: the presentation time of frame 1 is not"),
        SegmentWriter.open(tmp_path / "segment", info, Encoding()) as writer,
    ):
        for frame in read_frames(info.path):
            writer.write(replace(frame, pts=5))


def test_decode_timestamps_precede_presentation_by_the_delay() -> None:
    assert decode_timestamps([]) == []
    assert decode_timestamps([0, 10, 20]) == [0, 10, 20]
    assert decode_timestamps([0, 30, 10, 20]) == [-10, 0, 10, 20]
    assert decode_timestamps([5, 100, 50, 20, 80]) == [-25, -10, 5, 20, 50]


@pytest.mark.parametrize(
    "options", [{"g": "12", "bf": "3"}, {"g": "5", "bf": "2", "x264-params": "open-gop=1"}]
)
@pytest.mark.parametrize("extension", ["mp4", "mkv", "ts"])
def test_reading_from_any_frame_gives_the_same_frames(
    tmp_path: Path, options: dict[str, str], extension: str
) -> None:
    source = make_clip(tmp_path / f"in.{extension}", wave_images(24), options=options)
    frames = list(read_frames(source))
    assert read_frame_pts(probe_video(source)) == [f.pts for f in frames]
    for index in range(len(frames)):
        part = list(read_frames(source, start=index, stop=index + 2, start_pts=frames[index].pts))
        expected = frames[index : index + 2]
        assert [(f.index, f.pts) for f in part] == [(f.index, f.pts) for f in expected]
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(part, expected, strict=True))
    assert [f.index for f in read_frames(source, start=3, stop=11, every=4)] == [4, 8]


def test_segment_keeps_negative_presentation_times(tmp_path: Path) -> None:
    """A segment's container cannot store them, so its comment tag does."""
    info = probe_video(make_clip(tmp_path / "in.mkv", wave_images(6)))
    with SegmentWriter.open(tmp_path / "segment", info, Encoding()) as writer:
        for frame in read_frames(info.path):
            writer.write(replace(frame, pts=frame.pts - 80))
    out = tmp_path / "out.mp4"
    plan = JoinPlan(out, replace(info, start=Fraction(-80, 1000)), Encoding())
    join_segments([tmp_path / "segment"], out, plan)
    assert frame_times(out) == [Fraction(n, 25) for n in range(6)]


RANGES = {
    "10:20": (10, 20),
    ":20": (None, 20),
    "10:": (10, None),
    "2s:12.5s": (2, Fraction(25, 2)),
    "00:01:02.5:00:01:03": (Fraction(125, 2), 63),
    ":0:00:01": (None, 1),
    "1:00:00:": (3600, None),
    "0.5s:0:00:02": (Fraction(1, 2), 2),
    "0.000001s:1000000.25s": (Fraction(1, 10**6), Fraction(4_000_001, 4)),
}


@pytest.mark.parametrize("text", RANGES)
def test_range_is_parsed(text: str) -> None:
    frame_range = FrameRange.parse(text)
    assert (frame_range.first, frame_range.last) == RANGES[text]
    assert FrameRange.parse(str(frame_range)) == frame_range


@pytest.mark.parametrize(
    "text", ["", "5", "a:b", "1-2", "20:10", "10:10", "2s:1s", "1:2s", "-3:5", "1:2:3", "0:0:1:5"]
)
def test_invalid_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--range"):
        FrameRange.parse(text)


def test_range_outside_the_video_is_refused(tmp_path: Path) -> None:
    info = probe_video(make_clip(tmp_path / "in.mp4", wave_images(4)))
    with pytest.raises(UsageError, match=r"no frame of .*in\.mp4, which has 4 frames"):
        FrameRange.parse("9:").resolve(info)
    assert FrameRange.parse("1:99").resolve(info).stop is None


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_undecodable_frames_at_the_start_of_a_trimmed_recording_are_not_counted(
    tmp_path: Path, codec: str
) -> None:
    """Frames that are predicted from before the cut cannot be decoded and get no index."""
    options = {
        "x264-params": "open-gop=1:keyint=6:scenecut=0",
        "x265-params": "open-gop=1:keyint=6:log-level=error",
    }
    own = {key: value for key, value in options.items() if key[:4] == codec[3:7]}
    clip = make_clip(tmp_path / "in.ts", wave_images(24), codec=codec, options={"bf": "2", **own})
    with av.open(str(clip)) as source, av.open(str(tmp_path / "cut.ts"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in [p for p in source.demux(video=0) if p.size][4:]:
            packet.stream = stream
            target.mux(packet)
    info = probe_video(tmp_path / "cut.ts")
    decoded = [f.pts for f in read_frames(info.path)]
    assert len(decoded) < 20
    assert read_frame_pts(info) == decoded
