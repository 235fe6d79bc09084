"""Encoders: pixel formats, the quality scale, FFmpeg's options and error messages."""

import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fakes.swap import frame_times, swap

from faceloom.errors import FaceloomError, MemoryExhausted, ProviderMissing, UsageError
from faceloom.video import Encoding, SegmentWriter, output_warnings, probe_video, read_frames
from faceloom.video.encoding import encoders
from faceloom.video.encoding.codec_table import H264_NVENC, HEVC_NVENC, SPEEDS, Codec
from faceloom.video.encoding.encoder_options import frame_threads
from faceloom.video.encoding.encoders import check_encoder, resolve_encoder

# Encoder -> codec, and the output's pixel format for yuv420p and for yuv422p10le.
ENCODERS = {
    "x264": ("h264", "yuv420p", "yuv422p10le"),
    "x265": ("hevc", "yuv420p", "yuv422p10le"),
    "svtav1": ("libdav1d", "yuv420p", "yuv420p10le"),
    "vp9": ("vp9", "yuv420p", "yuv422p"),
    "lossless": ("h264", "yuv420p", "yuv422p10le"),
}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("ten_bits", [False, True])
def test_encoder_keeps_times_and_warns_if_the_pixel_format_changes(
    tmp_path: Path, encoder: str, ten_bits: bool
) -> None:
    codec, *formats = ENCODERS[encoder]
    times = [0, 40, 80, 300, 310, 790]
    source = make_clip(
        tmp_path / "in.mp4",
        wave_images(6),
        pts=times,
        pixel_format="yuv422p10le" if ten_bits else "yuv420p",
    )
    info, out = probe_video(source), tmp_path / "out.mp4"
    result = probe_video(swap(source, out, Encoding(encoder)))
    assert (result.codec, result.pixel_format) == (codec, formats[ten_bits])
    assert frame_times(out) == [Fraction(t, 1000) for t in times]
    warnings = output_warnings(out, info, Encoding(encoder))
    assert bool(warnings) == (result.pixel_format != info.pixel_format)


@pytest.mark.parametrize("codec", [H264_NVENC, HEVC_NVENC], ids=lambda codec: codec.name)
def test_nvenc_has_the_options_that_it_gets(codec: Codec) -> None:
    """What runs without a GPU; what it encodes was never tried on one."""
    private = av.CodecContext.create(codec.name, "w").supported_options.private
    choices = {option.name: {choice.name for choice in option.choices} for option in private}
    assert codec.quality is not None
    assert codec.quality.option in choices
    assert codec.options["rc"] in choices["rc"]
    presets = [codec.speeds[speed].options["preset"] for speed in SPEEDS]
    assert choices["preset"].issuperset(presets)
    # p1 is the fastest.
    assert presets == sorted(presets)


@pytest.mark.parametrize(
    ("encoder", "extension", "tag"),
    [("x265", "mp4", "hvc1"), ("x265", "mov", "hvc1"), ("svtav1", "webm", "")],
)
def test_codec_tag_is_the_one_that_players_support(
    tmp_path: Path, encoder: str, extension: str, tag: str
) -> None:
    source = make_clip(tmp_path / "in.mp4", wave_images(4))
    out = swap(source, tmp_path / f"out.{extension}", Encoding(encoder))
    with av.open(str(out)) as container:
        assert tag in container.streams.video[0].codec_context.codec_tag
    assert len(frame_times(out)) == 4


@pytest.mark.parametrize("encoder", ["x264", "x265", "svtav1"])
def test_higher_quality_gives_larger_files(tmp_path: Path, sample: Path, encoder: str) -> None:
    info = probe_video(sample / "target_ada.mp4")
    sizes = []
    for quality in (20, 75, 95):
        with SegmentWriter.open(tmp_path / "segment", info, Encoding(encoder, quality)) as writer:
            for frame in read_frames(info.path, stop=3):
                writer.write(frame)
        sizes.append((tmp_path / "segment").stat().st_size)
    assert sizes[0] < 0.6 * sizes[1] < 0.6 * 0.8 * sizes[2]


def test_default_is_crf_16_and_encoder_options_override_it(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", wave_images(3))
    swap(source, tmp_path / "a.mp4")
    assert b"crf=16.0" in (tmp_path / "a.mp4").read_bytes()
    swap(source, tmp_path / "b.mp4", Encoding.parse(options=["crf=30", "preset=ultrafast"]))
    assert b"crf=30.0" in (tmp_path / "b.mp4").read_bytes()


# What x264 writes into its stream of each speed: the quality, and the search for motion.
X264_SPEEDS = {
    "fast": (b"crf=16.0", b"subme=2"),
    "balanced": (b"crf=17.0", b"subme=6"),
    "small": (b"crf=17.0", b"subme=8"),
}


@pytest.mark.parametrize("speed", X264_SPEEDS)
def test_a_speed_changes_search_and_quality_together(tmp_path: Path, speed: str) -> None:
    source = make_clip(tmp_path / "in.mp4", wave_images(3))
    swap(source, tmp_path / "out.mp4", Encoding.parse(speed=speed))
    written = (tmp_path / "out.mp4").read_bytes()
    assert all(setting in written for setting in X264_SPEEDS[speed])


@pytest.mark.parametrize("quality", [0, 1, 75, 100])
@pytest.mark.parametrize(
    ("speed", "deadline", "cpu_used", "crfs"),
    [
        # The range of libvpx ends at 63.
        ("fast", "realtime", "6", ("63", "63", "21", "6")),
        ("balanced", "good", "5", ("63", "62.4", "18", "3")),
        ("small", "good", "2", ("63", "63", "20", "5")),
    ],
)
def test_vp9_has_a_deadline_and_a_quality_for_each_speed(
    sample: Path, speed: str, deadline: str, cpu_used: str, crfs: tuple[str, ...], quality: int
) -> None:
    info, encoding = probe_video(sample / "target_ada.mp4"), Encoding("vp9", quality, speed)
    options = resolve_encoder(info, encoding).options
    assert (options["deadline"], options["cpu-used"]) == (deadline, cpu_used)
    assert options["crf"] == crfs[(0, 1, 75, 100).index(quality)]
    check_encoder(info, encoding)


@pytest.mark.parametrize("encoder", [*ENCODERS, "png"])
@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.long
def test_every_encoder_runs_at_every_speed(tmp_path: Path, encoder: str, speed: str) -> None:
    source = make_clip(tmp_path / "in.mp4", wave_images(3))
    name = "out" if encoder == "png" else "out.mkv"
    out = swap(source, tmp_path / name, Encoding.parse(encoder, speed=speed))
    assert len(list(out.iterdir() if encoder == "png" else read_frames(out))) == 3


@pytest.mark.parametrize(
    ("size", "threads"),
    [((64, 48), 1), ((640, 360), 5), ((1920, 1080), 8), ((3840, 2160), 4), ((7680, 4320), 4)],
)
def test_frames_are_encoded_at_once_as_far_as_rows_and_memory_allow(
    tmp_path: Path, size: tuple[int, int], threads: int
) -> None:
    source = make_clip(tmp_path / "in.mp4", wave_images(1))
    info = replace(probe_video(source), width=size[0], height=size[1])
    assert frame_threads(info) == threads


@pytest.mark.parametrize("encoder", ["x264", "x265"])
@pytest.mark.long
def test_threads_are_frames_and_give_the_same_bytes_again(tmp_path: Path, encoder: str) -> None:
    source = make_clip(tmp_path / "in.mp4", wave_images(12, 256, 256))
    written = [
        swap(source, tmp_path / f"{name}.mp4", Encoding(encoder)).read_bytes() for name in "ab"
    ]
    assert written[0] == written[1]
    if encoder == "x264":
        assert b"threads=4" in written[0]
        assert b"sliced_threads=0" in written[0]


@pytest.mark.parametrize("encoder", ["x264", "x265", "vp9", "svtav1", "lossless"])
def test_one_core_gives_the_same_bytes_as_several(tmp_path: Path, encoder: str) -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("only Linux limits a process to some cores")
    cores = os.sched_getaffinity(0)
    source = make_clip(tmp_path / "in.mp4", moving_texture(4))
    # On a machine with one core, both outputs are written on it.
    several = swap(source, tmp_path / "several.mkv", Encoding(encoder)).read_bytes()
    try:
        os.sched_setaffinity(0, {min(cores)})
        one = swap(source, tmp_path / "one.mkv", Encoding(encoder)).read_bytes()
    finally:
        os.sched_setaffinity(0, cores)
    assert one == several


def moving_texture(count: int) -> list[np.ndarray]:
    """Return frames of a random texture that moves by two pixels a frame."""
    noise = np.random.default_rng(0).integers(0, 256, (260, 260, 3), np.uint8)
    texture = cv2.normalize(cv2.GaussianBlur(noise, None, 3), None, 0, 255, cv2.NORM_MINMAX)
    return [np.ascontiguousarray(texture[:256, 2 * n : 2 * n + 250]) for n in range(count)]


# The default encoder's codec by suffix.
DEFAULT_CODECS = {
    ".mp4": "h264",
    ".m4v": "h264",
    ".mov": "h264",
    ".mkv": "h264",
    ".webm": "vp9",
    ".gif": "gif",
    ".png": "png",
    ".webp": "webp",
}


@pytest.mark.parametrize("suffix", DEFAULT_CODECS)
@pytest.mark.parametrize("size", [(64, 48), (65, 47)])
@pytest.mark.long
def test_every_suffix_has_a_default_that_works(
    tmp_path: Path, suffix: str, size: tuple[int, int]
) -> None:
    count = 1 if suffix in (".png", ".webp") else 3
    images = wave_images(count, size[1], size[0])
    source = make_clip(tmp_path / "in.mkv", images, codec="ffv1", options={}, pixel_format="bgr0")
    out = swap(source, tmp_path / f"out{suffix}")
    with av.open(str(out)) as container:
        context = container.streams.video[0].codec_context
        assert context.name.removeprefix("lib") == DEFAULT_CODECS[suffix]
        assert (context.width, context.height) == size
        assert len([p for p in container.demux(video=0) if p.size]) == count


@pytest.mark.parametrize(("width", "codec"), [(64, "libdav1d"), (65, "vp9")])
def test_ten_bits_in_webm_are_av1_if_it_supports_the_size(
    tmp_path: Path, width: int, codec: str
) -> None:
    images = wave_images(2, 48, width)
    source = make_clip(tmp_path / "in.mkv", images, codec="ffv1", pixel_format="yuv420p10le")
    assert probe_video(swap(source, tmp_path / "out.webm")).codec == codec


RATES = [Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(12)]


@pytest.mark.parametrize(
    "suffix",
    [
        ".mp4",
        pytest.param(".mov", marks=pytest.mark.exhaustive),
        ".mkv",
        pytest.param(".webm", marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.long
def test_the_stream_states_its_frame_rate(tmp_path: Path, suffix: str) -> None:
    for rate in RATES:
        times = list(range(10))
        source = make_clip(tmp_path / "in.mp4", wave_images(10), pts=times, time_base=1 / rate)
        out = swap(source, tmp_path / f"out{suffix}")
        with av.open(str(out)) as container:
            stream = container.streams.video[0]
            assert float(stream.base_rate) == pytest.approx(float(rate), rel=0.001)
            if suffix in (".mkv", ".webm"):  # MP4 states the frame count and the duration
                assert float(stream.average_rate) == pytest.approx(float(rate), rel=0.001)
        capture = cv2.VideoCapture(str(out))
        assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(float(rate), rel=0.001)
        assert round(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == 10


INVALID: dict[str, tuple[Callable[[Path], object], type[FaceloomError], str]] = {
    "unknown speed": (
        lambda clip: Encoding.parse(speed="slow"),
        UsageError,
        "choose one of fast, balanced, small",
    ),
    "unknown encoder": (lambda clip: Encoding.parse("divx"), UsageError, "divx is unknown"),
    "quality out of range": (
        lambda clip: Encoding.parse(quality=101),
        UsageError,
        "between 0 and 100",
    ),
    "quality of a lossless encoder": (
        lambda clip: Encoding.parse("lossless", 50),
        UsageError,
        "which is lossless",
    ),
    "option without value": (
        lambda clip: Encoding.parse(options=["crf"]),
        UsageError,
        "key=value",
    ),
    "misspelled option": (
        lambda clip: swap(clip, clip / "../o.mp4", Encoding.parse(options=["cfr=1"])),
        UsageError,
        "mean crf",
    ),
    "invalid value of an option": (
        lambda clip: swap(clip, clip / "../o.mp4", Encoding.parse(options=["crf=much"])),
        UsageError,
        "crf=much",
    ),
    "png as a video": (
        lambda clip: swap(clip, clip / "../o.mp4", Encoding("png")),
        UsageError,
        "give a folder",
    ),
    "x265 as a GIF": (
        lambda clip: swap(clip, clip / "../o.gif", Encoding("x265")),
        UsageError,
        "writes videos",
    ),
    "a video as one image": (
        lambda clip: swap(clip, clip / "../o.png"),
        UsageError,
        "is one image",
    ),
    "H.264 in WebM": (
        lambda clip: swap(clip, clip / "../o.webm", Encoding("x264")),
        UsageError,
        "does not support h264",
    ),
    "x265 with narrow frames": (
        lambda clip: swap(
            make_clip(clip.with_stem("narrow"), wave_images(2, 64, 48)),
            clip / "../o.mp4",
            Encoding("x265"),
        ),
        UsageError,
        "libx265 needs 64",
    ),
    "unsupported suffix": (lambda clip: swap(clip, clip / "../o.avi"), UsageError, "as .mp4"),
    "invalid pattern": (
        lambda clip: swap(clip, clip / "../o_%s_%d.png"),
        UsageError,
        "not a pattern",
    ),
    "NVENC without a GPU": (
        lambda clip: swap(clip, clip / "../o.mp4", Encoding("nvenc")),
        ProviderMissing,
        "does not run",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_encoding_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    attempt, error, message = INVALID[name]
    clip = make_clip(tmp_path / "in.mp4", wave_images(2))
    with pytest.raises(error, match=message) as refused:
        attempt(clip)
    assert "\n" not in str(refused.value)
    assert {p.name for p in tmp_path.iterdir()} <= {"in.mp4", "narrow.mp4"}


def test_encoder_without_memory_is_not_reported_as_a_wrong_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "available_memory", lambda: 100_000)
    info = probe_video(make_clip(tmp_path / "in.mp4", wave_images(1)))
    with pytest.raises(MemoryExhausted, match="too little memory for its frames"):
        check_encoder(info, Encoding.parse(options=["crf=much"]))
