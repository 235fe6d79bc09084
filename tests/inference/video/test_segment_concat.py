"""Files of pictures that are joined without a seam, reading from the middle, and ranges."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fake_swap import read_packets, frame_times, swap, write_segment

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.video import (
    Encoding,
    FrameRange,
    SegmentWriter,
    read_frame_pts,
    join_segments,
    probe_video,
    read_frames,
)
from faceloom.video.segment_concat import decode_timestamps


def test_a_range_by_time_and_its_first_frame(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mkv",
        wave_images(12),
        pts=[0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000],
    )
    out = swap(source, tmp_path / "out.mkv", frame_range="0.3s:0:00:01.405")
    assert frame_times(out) == [Fraction(n, 1000) for n in (0, 10, 490, 500, 650, 1100)]


@pytest.mark.parametrize("encoder", ["x264", "x265", "svtav1", "lossless"])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_short_segments(tmp_path: Path, encoder: str, length: int) -> None:
    """Of one or two pictures x265 says random decode times."""
    source = make_clip(tmp_path / "in.mp4", wave_images(7), pts=[0, 40, 80, 300, 310, 790, 800])
    out = swap(source, tmp_path / "out.mp4", Encoding(encoder), segment_count=-(-7 // length))
    assert frame_times(out) == frame_times(source)


@pytest.mark.parametrize("bframes", ["0", "3", "8"])
@pytest.mark.parametrize("lengths", [(1, 1, 10), (5, 7), (2, 3, 4, 3)])
def test_seams_are_not_seen(tmp_path: Path, bframes: str, lengths: tuple[int, ...]) -> None:
    """Decode times rise over every seam, pictures stay where and what they were."""
    times = [0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000]
    source = make_clip(tmp_path / "in.mp4", wave_images(12), pts=times)
    info, encoding = probe_video(source), Encoding(options=(("bf", bframes), ("qp", "0")))
    at, segments = 0, []
    for length in lengths:
        segments.append(tmp_path / f"{at}.segment")
        write_segment(segments[-1], info, encoding, at, at + length, read_frame_pts(info)[at])
        at += length
    out = tmp_path / "out.mp4"
    join_segments(segments, out, out, info, encoding)
    coded = read_packets(out, "video")
    assert all(a.dts < b.dts for a, b in pairwise(coded))
    assert all(p.dts <= p.pts for p in coded)
    frames = list(read_frames(out))
    assert [f.pts * f.time_base for f in frames] == [Fraction(t, 1000) for t in times]
    for frame, before in zip(frames, read_frames(source), strict=True):
        assert np.array_equal(frame.rgb[60:], before.rgb[60:])


def test_two_pictures_at_one_time_are_refused(tmp_path: Path) -> None:
    info = probe_video(make_clip(tmp_path / "in.mp4", wave_images(3)))
    with (
        pytest.raises(MediaUnreadable, match=r"in\.mp4: frame 1 is to be shown no later"),
        SegmentWriter.open(tmp_path / "segment", info, Encoding()) as writer,
    ):
        for frame in read_frames(info.path):
            writer.write(replace(frame, pts=5))


def test_decode_times() -> None:
    assert decode_timestamps([]) == []
    assert decode_timestamps([0, 10, 20]) == [0, 10, 20]
    assert decode_timestamps([0, 30, 10, 20]) == [-10, 0, 10, 20]
    assert decode_timestamps([5, 100, 50, 20, 80]) == [-25, -10, 5, 20, 50]


@pytest.mark.parametrize(
    "options", [{"g": "12", "bf": "3"}, {"g": "5", "bf": "2", "x264-params": "open-gop=1"}]
)
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_reading_from_any_frame_is_reading_it_all(
    tmp_path: Path, options: dict[str, str], ending: str
) -> None:
    source = make_clip(tmp_path / f"in.{ending}", wave_images(24), options=options)
    whole = list(read_frames(source))
    assert read_frame_pts(probe_video(source)) == [f.pts for f in whole]
    for number in range(len(whole)):
        some = list(read_frames(source, start=number, stop=number + 2, start_pts=whole[number].pts))
        assert [(f.index, f.pts) for f in some] == [
            (f.index, f.pts) for f in whole[number : number + 2]
        ]
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(some, whole[number:], strict=False))
    assert [f.index for f in read_frames(source, start=3, stop=11, every=4)] == [4, 8]


def test_times_before_zero(tmp_path: Path) -> None:
    """A segment keeps them, which its container cannot."""
    info = probe_video(make_clip(tmp_path / "in.mkv", wave_images(6)))
    with SegmentWriter.open(tmp_path / "segment", info, Encoding()) as writer:
        for frame in read_frames(info.path):
            writer.write(replace(frame, pts=frame.pts - 80))
    late = replace(info, start=Fraction(-80, 1000))
    join_segments(
        [tmp_path / "segment"], tmp_path / "out.mp4", tmp_path / "out.mp4", late, Encoding()
    )
    assert frame_times(tmp_path / "out.mp4") == [Fraction(n, 25) for n in range(6)]


RANGES = {
    "10:20": (10, 20),
    ":20": (None, 20),
    "10:": (10, None),
    "2s:12.5s": (2, Fraction(25, 2)),
    "00:01:02.5:00:01:03": (Fraction(125, 2), 63),
    ":0:00:01": (None, 1),
    "1:00:00:": (3600, None),
    "0.5s:0:00:02": (Fraction(1, 2), 2),
}


@pytest.mark.parametrize("text", RANGES)
def test_ranges_are_read(text: str) -> None:
    frame_range = FrameRange.parse(text)
    assert (frame_range.first, frame_range.last) == RANGES[text]


@pytest.mark.parametrize(
    "text", ["", "5", "a:b", "1-2", "20:10", "10:10", "2s:1s", "1:2s", "-3:5", "1:2:3", "0:0:1:5"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--range"):
        FrameRange.parse(text)


def test_a_range_that_a_video_has_not(tmp_path: Path) -> None:
    info = probe_video(make_clip(tmp_path / "in.mp4", wave_images(4)))
    with pytest.raises(UsageError, match=r"no frame of .*in\.mp4, which has 4 frames"):
        FrameRange.parse("9:").resolve(info)
    assert FrameRange.parse("1:99").resolve(info).stop is None


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_what_a_cut_recording_begins_with_is_not_counted(tmp_path: Path, codec: str) -> None:
    """Pictures that look back over the cut decode to nothing; frames are numbered without them."""
    options = {
        "x264-params": "open-gop=1:keyint=6:scenecut=0",
        "x265-params": "open-gop=1:keyint=6:log-level=error",
    }
    own = {key: value for key, value in options.items() if key[:4] == codec[3:7]}
    clip = make_clip(tmp_path / "in.ts", wave_images(24), codec=codec, options={"bf": "2", **own})
    with av.open(str(clip)) as source, av.open(str(tmp_path / "cut.ts"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in packets_of(source)[4:]:
            packet.stream = stream
            target.mux(packet)
    info = probe_video(tmp_path / "cut.ts")
    whole = [f.pts for f in read_frames(info.path)]
    assert len(whole) < 20
    assert read_frame_pts(info) == whole


def packets_of(source: av.container.InputContainer) -> list[av.Packet]:
    return [packet for packet in source.demux(video=0) if packet.size]
