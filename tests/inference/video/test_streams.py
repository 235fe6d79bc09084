"""What becomes of sound, subtitles and timecode in each container: decided before the work."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from tests.helpers.clips import ExtraStreams, add_streams, make_clip, wave_images
from tests.helpers.fakes.swap import (
    LOSSLESS,
    container_duration,
    frame_planes,
    frame_times,
    read_payloads,
    swap,
)

from faceloom.choices import StreamMode
from faceloom.errors import FrameDamaged, UsageError
from faceloom.video import (
    DEFAULT_ENCODING,
    output_warnings,
    prepare_output,
    probe_video,
    read_frames,
    with_repeated_times,
)
from faceloom.video.streams.packet_times import PacketTimes
from faceloom.video.streams.timecode import advance

CASES = Path(__file__).parents[2] / "data/cases"


@dataclass(frozen=True)
class Expected:
    """What a case must become."""

    case: str
    suffix: str
    streams: tuple[str, ...]
    notice: str = ""
    mode: StreamMode = "auto"


KINDS = [
    Expected("c.mov", ".mp4", ("h264", "aac", "data")),
    Expected("c.mov", ".mov", ("h264", "aac", "data")),
    Expected("c.mov", ".mkv", ("h264", "aac")),
    Expected("tc50.mp4", ".mp4", ("h264", "aac", "data")),
    Expected("dup_audio.mkv", ".mp4", ("h264", "aac"), "1 with a repeated time are moved"),
    Expected("dup_audio.mkv", ".mkv", ("h264", "aac")),
    Expected("dts.mkv", ".mkv", ("h264", "dts")),
    Expected("dts.mkv", ".mp4", ("h264", "dts")),
    Expected("dts.mkv", ".mp4", ("h264", "aac"), "(audio, dts) is transcoded to aac", "transcode"),
    Expected("dts.mkv", ".webm", ("vp9", "opus"), "(audio, dts) is transcoded to opus"),
    Expected("pgs.mkv", ".mkv", ("h264", "aac", "hdmv_pgs_subtitle")),
    Expected("pgs.mkv", ".mp4", ("h264", "aac"), "(subtitle, hdmv_pgs_subtitle) is left out"),
    Expected(
        "pgs.mkv",
        ".mp4",
        ("h264", "aac"),
        "left out, since --streams transcode does not copy hdmv_pgs_subtitle, and pictures do not",
        "transcode",
    ),
    Expected("wmv.wmv", ".mp4", ("h264", "aac"), "(audio, wmav2) is transcoded to aac"),
    Expected("wmv.wmv", ".mkv", ("h264", "aac"), "(audio, wmav2) is transcoded to aac"),
    Expected("adpcm.avi", ".mkv", ("h264", "aac"), "(audio, adpcm_ms) is transcoded to aac"),
    Expected("adpcm.avi", ".mp4", ("h264",), "(audio, adpcm_ms) is left out", "drop"),
    Expected("pcm24.mov", ".mp4", ("h264", "aac"), "many players cannot play it"),
    Expected("pcm24.mov", ".mov", ("h264", "pcm_s24le")),
]


def _copy(case: str, folder: Path) -> Path:
    copy = folder / case
    copy.write_bytes((CASES / case).read_bytes())
    return copy


def _codecs(path: Path) -> tuple[str, ...]:
    with av.open(str(path)) as container:
        return tuple(
            s.codec_context.codec.canonical_name if s.codec_context else s.type
            for s in container.streams
        )


def _timecode(path: Path) -> str | None:
    with av.open(str(path)) as container:
        tags = container.streams.video[0].metadata
        return next((value for key, value in tags.items() if key.lower() == "timecode"), None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.case}-{kind.suffix}-{kind.mode}")
@pytest.mark.long
def test_every_stream_is_kept_transcoded_or_left_out_as_said(
    tmp_path: Path, kind: Expected
) -> None:
    source, out = _copy(kind.case, tmp_path), tmp_path / f"out{kind.suffix}"
    prepared = prepare_output(out, probe_video(source), DEFAULT_ENCODING, kind.mode)
    assert kind.notice in " ".join(prepared.notices)
    assert bool(prepared.notices) == bool(kind.notice)
    swap(source, out, streams=kind.mode)
    assert _codecs(out) == kind.streams
    assert _timecode(out) == _timecode(source)
    with av.open(str(source)) as before, av.open(str(out)) as after:
        assert float(after.streams.video[0].base_rate) == float(before.streams.video[0].base_rate)
        for old, new in zip(before.streams.audio, after.streams.audio, strict=False):
            seconds = [
                sum(frame.samples / frame.sample_rate for frame in container.decode(stream))
                for container, stream in ((before, old), (after, new))
            ]
            assert seconds[1] == pytest.approx(seconds[0], abs=0.06)


def test_keep_refuses_what_cannot_be_copied_and_names_what_works(tmp_path: Path) -> None:
    source = _copy("adpcm.avi", tmp_path)
    with pytest.raises(
        UsageError, match=r"cannot keep stream 1 \(audio, adpcm_ms\).*--streams auto"
    ):
        swap(source, tmp_path / "out.mkv", streams="keep")
    assert not (tmp_path / "out.mkv").exists()


SUBTITLES = {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}


@pytest.mark.parametrize("suffix", SUBTITLES)
@pytest.mark.parametrize("source_suffix", [".mp4", ".mkv"])
def test_text_subtitles_keep_text_and_times(
    tmp_path: Path, suffix: str, source_suffix: str
) -> None:
    clip = make_clip(tmp_path / f"in{source_suffix}", wave_images(10))
    source = add_streams(clip, ExtraStreams(subtitles=((40, 160, "Grüße"), (200, 300, "two"))))
    out = swap(source, tmp_path / f"out{suffix}")
    assert _codecs(out)[1] == SUBTITLES[suffix]
    texts = [
        (t, p[2:] if suffix in (".mp4", ".mov") else p) for t, p in read_payloads(out, "subtitle")
    ]
    assert [(t, p.decode()) for t, p in texts if p] == [
        (Fraction(1, 25), "Grüße"),
        (Fraction(1, 5), "two"),
    ]


TIMECODES = [
    ("01:00:59;29", 1, Fraction(30000, 1001), "01:01:00;02"),
    ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),
    ("00:00:00;00", 17982, Fraction(30000, 1001), "00:10:00;00"),
    ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
    ("20:42:05:18", 40, Fraction(50), "20:42:06:08"),
    ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
]


@pytest.mark.parametrize(("first", "frames", "rate", "expected"), TIMECODES)
def test_timecode_of_a_later_frame(first: str, frames: int, rate: Fraction, expected: str) -> None:
    assert advance(first, frames, rate) == expected


def test_range_advances_the_timecode(tmp_path: Path) -> None:
    source = _copy("tc50.mp4", tmp_path)
    out = swap(source, tmp_path / "out.mov", frame_range="40:60")
    assert _timecode(out) == "20:42:06:08"


def test_timecode_that_the_container_refuses_is_left_out_as_said(tmp_path: Path) -> None:
    """MP4 has no timecode at 12 frames a second; Matroska stores any."""
    times = [n * 1000 // 12 for n in range(6)]
    clip = make_clip(tmp_path / "in.mkv", wave_images(6), pts=times)
    tagged = add_streams(clip, ExtraStreams(tags={"timecode": "01:00:00:00"}))
    out = tmp_path / "out.mp4"
    notices = prepare_output(out, probe_video(tagged), DEFAULT_ENCODING).notices
    assert notices == (f"{out} cannot hold the source's timecode; left out.",)
    assert _timecode(swap(tagged, out)) is None
    assert _timecode(swap(tagged, tmp_path / "out.mkv")) == "01:00:00:00"


@pytest.mark.parametrize("case", ["anim.gif", "vfr_last.mp4"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".gif"])
@pytest.mark.long
@pytest.mark.long
def test_last_frame_keeps_its_duration(tmp_path: Path, case: str, suffix: str) -> None:
    source = _copy(case, tmp_path)
    out = swap(source, tmp_path / f"out{suffix}")
    assert container_duration(out) == pytest.approx(container_duration(source), abs=0.011)
    times = [float(time) for time in frame_times(out)]
    assert times == pytest.approx([float(time) for time in frame_times(source)], abs=0.006)


def test_packet_times_rise_or_the_packet_is_left_out() -> None:
    with av.open(str(CASES / "dup_audio.mkv")) as container:
        packets = [p for p in container.demux(audio=0) if p.size][:6]
        for packet, dts in zip(packets, (10, 33, 33, 33, 5000, 100), strict=True):
            packet.dts = packet.pts = dts
        times = PacketTimes(Fraction(1, 7350))
        assert [times.mend(packet) for packet in packets] == [True] * 5 + [False]
        assert [packet.dts for packet in packets[:5]] == [10, 33, 34, 35, 5000]
    assert (times.moved, times.dropped) == (2, 1)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_repeated_frame_times_are_moved_as_said(tmp_path: Path, suffix: str) -> None:
    source, out = _copy("dup_video.mkv", tmp_path), tmp_path / f"out{suffix}"
    info = with_repeated_times(probe_video(source))
    assert info.repeated_times == 1
    assert "frames whose time is not after" in output_warnings(out, info, DEFAULT_ENCODING)[0]
    times = frame_times(swap(source, out, segment_count=5))
    expected = frame_times(source)
    assert times == expected
    assert len(times) == 50
    assert all(a < b for a, b in pairwise(times))


@pytest.mark.parametrize("segment_count", [1, 3, 7])
@pytest.mark.long
def test_damaged_frame_is_repeated_or_stops(tmp_path: Path, segment_count: int) -> None:
    source = _copy("corrupt_zero.mp4", tmp_path)
    with pytest.raises(FrameDamaged, match=r"after frame \d+"):
        swap(source, tmp_path / "out.mp4", segment_count=segment_count)
    out = tmp_path / "out.mp4"
    swap(source, out, LOSSLESS, segment_count=segment_count, on_damaged="repeat")
    assert frame_times(out) == [Fraction(n, 25) for n in range(75)]
    frames = list(read_frames(out))
    # The damaged packet is the one at 1.28 s.
    changes = [np.abs(frames[n].rgb.astype(int) - frames[n - 1].rgb).mean() for n in (32, 33)]
    assert changes[0] < 0.5
    assert changes[1] > 2


def test_transparency_is_kept_in_webm_and_said_elsewhere(tmp_path: Path) -> None:
    source = _copy("alpha.webm", tmp_path)
    out = swap(source, tmp_path / "out.webm")
    for path in (source, out):
        assert probe_video(path).pixel_format == "yuva420p"
    pairs = zip(read_frames(source), read_frames(out), strict=True)
    for before, after in pairs:
        old, new = (list(frame_planes(f.decoded))[3].astype(int) for f in (before, after))
        assert np.abs(old - new).mean() < 2
        assert old.min() < 50
        assert old.max() > 200
    mp4 = swap(source, tmp_path / "out.mp4")
    assert probe_video(mp4).pixel_format == "yuv420p"
    warnings = output_warnings(mp4, probe_video(source), DEFAULT_ENCODING)
    assert "is transparent and libx264 is not" in warnings[0]
    plain = swap(source, tmp_path / "plain.mkv")
    with av.open(str(plain)) as container:
        assert "alpha_mode" not in {key.lower() for key in container.streams.video[0].metadata}
