"""A conversion keeps every property of the source except the swapped rectangle."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import ExtraStreams, add_streams, make_clip, wave_images
from tests.helpers.fakes.swap import (
    BOX,
    LOSSLESS,
    container_duration,
    frame_planes,
    frame_times,
    read_packets,
    read_payloads,
    swap,
)

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.progress import run_to_completion
from faceloom.provenance.container_tags import read_tags
from faceloom.swap import ConvertOptions, convert
from faceloom.video import (
    ColorTags,
    Encoding,
    Frame,
    JoinPlan,
    SegmentWriter,
    join_segments,
    output_warnings,
    probe_video,
    read_frame_pts,
    read_frames,
    resolve_encoding,
)
from faceloom.video.pixel_format import _planes, align_to_chroma, from_rgb, to_av_frame, to_rgb

CLIPS = {
    "plain.mp4": {},
    "plain.mkv": {},
    "variable.mp4": {"pts": [0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000]},
    "variable.mkv": {"pts": [0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000]},
    "ntsc.mp4": {"pts": [1001 * n for n in range(12)], "time_base": Fraction(1, 30000)},
    "rotated.mp4": {"rotation": 90},
    "upside_down.mov": {"rotation": 180},
    "mirrored.mp4": {"mirrored": True},
    "mirrored.mkv": {"mirrored": True},
    "mirrored_and_turned.mov": {"rotation": 90, "mirrored": True},
    "wide_pixels.mp4": {"sample_aspect_ratio": Fraction(4, 3)},
    "wide_pixels.mkv": {"sample_aspect_ratio": Fraction(16, 11)},
    "ten_bits.mp4": {"pixel_format": "yuv420p10le"},
    "422.mov": {"pixel_format": "yuv422p"},
    "422_ten_bits.mkv": {"pixel_format": "yuv422p10le"},
    "444.mp4": {"pixel_format": "yuv444p"},
    "hdr10.mp4": {
        "pixel_format": "yuv420p10le",
        "matrix": 9,
        "color_range": 1,
        "primaries": 9,
        "transfer": 16,
    },
    "hlg.mkv": {
        "pixel_format": "yuv420p10le",
        "matrix": 9,
        "color_range": 1,
        "primaries": 9,
        "transfer": 18,
    },
    "full_range.mp4": {"pixel_format": "yuvj420p", "matrix": 1, "color_range": 2},
    "bt709.mp4": {"matrix": 1, "color_range": 1, "primaries": 1, "transfer": 1},
    "late.mkv": {"pts": [90_000 + 40 * n for n in range(12)]},
    "no_b_frames.mp4": {"options": {"bf": "0"}},
    "many_b_frames.mp4": {"options": {"bf": "8", "b-pyramid": "normal", "b_strategy": "0"}},
}


# Seconds before the first frame that the stated duration includes.
LEADING_SECONDS = {"late.mkv": 90}


# Rows that make test-quick runs too.
QUICK = {"plain.mp4", "variable.mkv", "rotated.mp4", "hdr10.mp4"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in CLIPS],
)
def test_times_size_and_color_tags_are_kept(tmp_path: Path, name: str) -> None:
    source = make_clip(tmp_path / name, wave_images(12), **CLIPS[name])
    out = swap(source, tmp_path / f"out_{name}")
    before, after = probe_video(source), probe_video(out)
    for field in (
        "width",
        "height",
        "orientation",
        "sample_aspect_ratio",
        "color",
        "pixel_format",
    ):
        assert getattr(after, field) == getattr(before, field)
    if name != "variable.mp4":  # the header ends at the last DTS
        assert container_duration(out) == pytest.approx(
            container_duration(source) - LEADING_SECONDS.get(name, 0), abs=0.011
        )
    times = frame_times(source)
    assert frame_times(out) == [time - before.start for time in times]
    assert frame_times(out)[0] == 0
    packets = [p for p in read_packets(out, "video") if p.dts is not None]  # Matroska stores no DTS
    assert all(a.dts < b.dts for a, b in pairwise(packets))
    assert all(p.dts <= p.pts for p in packets)
    left, top, right, bottom = BOX
    for a, b in zip(read_frames(source), read_frames(out), strict=True):
        error = np.abs(a.rgb.astype(int) - b.rgb).max(-1)
        assert error[top + 4 : bottom - 4, left + 4 : right - 4].mean() > 40
        error[top - 9 : bottom + 9, left - 9 : right + 9] = 0
        # Tone mapping enlarges the encoder's errors in dark colors.
        assert error.mean() < (12 if before.color.transfer in (16, 18) else 6.5)


@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
def test_tag_that_is_not_utf_8_is_kept(tmp_path: Path, extension: str) -> None:
    source = add_streams(
        make_clip(tmp_path / f"in{extension}", wave_images(4)),
        ExtraStreams(tags={"title": "Cafe at noon"}),
    )
    source.write_bytes(source.read_bytes().replace(b"Cafe at noon", b"Caf\xe9 at noon"))
    out = swap(source, tmp_path / f"out{extension}")
    assert b"Caf\xe9 at noon" in out.read_bytes()
    assert read_tags(out)["title"] == "Caf\ufffd at noon"


def test_odd_sizes_become_444_in_h264_with_a_warning(tmp_path: Path) -> None:
    """4:2:0 needs even sizes."""
    source = make_clip(
        tmp_path / "in.mkv", wave_images(4, 95, 127), codec="ffv1", options={"level": "3"}
    )
    assert probe_video(source).pixel_format == "yuv420p"
    after = probe_video(swap(source, tmp_path / "out.mp4"))
    assert (after.width, after.height, after.pixel_format) == (127, 95, "yuv444p")
    assert (
        "written as yuv444p"
        in output_warnings(tmp_path / "out.mp4", probe_video(source), Encoding())[0]
    )
    with pytest.raises(UsageError, match="supports only even sizes"):
        resolve_encoding(tmp_path / "out.mp4", probe_video(source), Encoding("svtav1"))


# Pixel formats that are kept exactly -> codec and extension of the source.
EXACT_FORMATS = {
    "yuv420p": ("libx264", ".mp4"),
    "yuvj420p": ("libx264", ".mp4"),
    "yuv422p": ("libx264", ".mov"),
    "yuv444p": ("libx264", ".mkv"),
    "yuv420p10le": ("libx264", ".mp4"),
    "yuv422p10le": ("libx264", ".mkv"),
    "yuv444p12le": ("ffv1", ".mkv"),
    "yuva420p": ("ffv1", ".mkv"),
    "gbrp10le": ("ffv1", ".mkv"),
    "gray10le": ("ffv1", ".mkv"),
    "bgra": ("ffv1", ".mkv"),
}


@pytest.mark.parametrize(
    "size_hw", [(96, 128), pytest.param((95, 127), marks=pytest.mark.long)], ids=["even", "odd"]
)
@pytest.mark.parametrize("pixel_format", EXACT_FORMATS)
def test_every_bit_outside_the_rectangle_is_kept(
    tmp_path: Path, pixel_format: str, size_hw: tuple[int, int]
) -> None:
    codec, extension = EXACT_FORMATS[pixel_format]
    if size_hw[0] % 2 and codec == "libx264":
        codec, extension = "ffv1", ".mkv"
        pixel_format = pixel_format.replace("yuvj", "yuv")
    options = {"crf": "30"} if codec == "libx264" else {"level": "3"}
    images = wave_images(4, *size_hw)
    source = make_clip(
        tmp_path / "in.mkv", images, codec=codec, pixel_format=pixel_format, options=options
    )
    out = swap(source, tmp_path / f"out{extension}", LOSSLESS)
    for a, b in zip(read_frames(source), read_frames(out), strict=True):
        assert a.decoded.format.name == b.decoded.format.name == pixel_format
        left, top, right, bottom = align_to_chroma(BOX, pixel_format, size_hw[1], size_hw[0])
        for before, after in zip(frame_planes(a.decoded), frame_planes(b.decoded), strict=True):
            down = round(size_hw[0] / before.shape[0])
            rows = slice(top // down, -(-bottom // down))
            assert np.array_equal(np.delete(before, rows, 0), np.delete(after, rows, 0))
        outside = np.ones(a.rgb.shape[:2], bool)
        outside[top - 9 : bottom + 9, left - 9 : right + 9] = False
        assert np.array_equal(a.rgb[outside], b.rgb[outside])
        assert not np.array_equal(a.rgb, b.rgb)


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuvj420p", "yuv422p10le", "yuv444p", "nv12", "gbrp", "gray"]
)
def test_writing_back_unchanged_rgb_has_no_bias(pixel_format: str) -> None:
    """A bias would be visible as a darker rectangle."""
    tags = ColorTags(1, 1, 1, 2 if pixel_format.startswith("yuvj") else 1)
    decoded = from_rgb(wave_images(1)[0], pixel_format, tags)
    decoded.colorspace, decoded.color_range = 1, tags.range
    before = [plane.copy() for plane in frame_planes(decoded)]
    frame = Frame(0, 0, 0, Fraction(1, 25), to_rgb(decoded), decoded, (BOX,))
    after = frame_planes(to_av_frame(frame, pixel_format, tags))
    left, top, right, bottom = align_to_chroma(BOX, pixel_format, 128, 96)
    sample_bytes = 2 if "10" in pixel_format else 1
    for plane, layout, after_plane in zip(before, _planes(pixel_format), after, strict=True):
        rows = slice(top // layout.down, bottom // layout.down)
        columns = slice(left // layout.across * layout.step, right // layout.across * layout.step)
        values, expected = (
            p[rows, columns].copy().view(np.uint16 if sample_bytes == 2 else np.uint8)
            for p in (after_plane, plane)
        )
        drift = values.astype(int) - expected
        assert np.abs(drift).max() <= 4 * sample_bytes**2
        # swscale rounds full range down, by half a level of chroma.
        assert abs(drift.mean()) < (0.6 if tags.range == 2 else 0.1) * sample_bytes**2


def test_frame_without_changed_boxes_is_encoded_as_decoded(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", wave_images(6), pixel_format="yuv422p10le")
    info = probe_video(source)
    with SegmentWriter.open(tmp_path / "segment", info, LOSSLESS) as writer:
        for frame in read_frames(source):
            frame.rgb[:] = 0  # ignored without a changed rectangle
            writer.write(frame)
    out = tmp_path / "out.mkv"
    join_segments([tmp_path / "segment"], out, JoinPlan(out, info, LOSSLESS))
    for a, b in zip(read_frames(source), read_frames(out), strict=True):
        assert all(map(np.array_equal, frame_planes(a.decoded), frame_planes(b.decoded)))


EXTRA = ExtraStreams(
    languages=("eng", "fra"),
    subtitles=((100, 300, "hello"), (350, 700, "there"), (800, 900, "end")),
    chapters=((0, 400, "one"), (400, 960, "two")),
    tags={"title": "A title", "artist": "Someone", "comment": "It was cold."},
    attachment=b"a font",
)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    videos = {}
    for extension in ("mkv", "mp4"):
        clip = make_clip(folder / f"clip.{extension}", wave_images(24))
        extra = EXTRA if extension == "mkv" else replace(EXTRA, attachment=b"")
        videos[extension] = add_streams(clip, extra)
    return videos


def read_chapters(path: Path) -> list[tuple[Fraction, Fraction, str]]:
    """Return start and end in seconds, and title."""
    with av.open(str(path)) as container:
        return [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"])
            for c in container.chapters()
        ]


def read_subtitles(path: Path) -> list[tuple[Fraction, Fraction, bytes]]:
    """Return start and duration in seconds, and the packet."""
    packets = [
        (p.pts * p.time_base, p.duration * p.time_base, bytes(p))
        for p in read_packets(path, "subtitle")
    ]
    # MP4 fills the time between two subtitles with empty packets.
    return [(start, duration, text) for start, duration, text in packets if len(text) > 2]


@pytest.mark.parametrize("extension", ["mkv", "mp4"])
def test_audio_subtitles_chapters_tags_and_attachments_are_copied(
    tmp_path: Path, videos: dict[str, Path], extension: str
) -> None:
    source = videos[extension]
    out = swap(source, tmp_path / f"out.{extension}")
    for index in range(2):
        assert read_payloads(out, "audio", index) == read_payloads(source, "audio", index) != []
    assert read_payloads(out, "audio", 0) != read_payloads(out, "audio", 1)
    assert [t[0] for t in read_subtitles(source)] == [Fraction(n, 1000) for n in (100, 350, 800)]
    assert read_subtitles(out) == read_subtitles(source)
    assert read_chapters(out) == read_chapters(source)
    assert [title for _, _, title in read_chapters(out)] == ["one", "two"]
    with av.open(str(source)) as before, av.open(str(out)) as after:
        assert [s.language for s in after.streams.audio] == ["eng", "fra"]
        tags = {key.lower(): value for key, value in after.metadata.items()}
        assert EXTRA.tags.items() <= tags.items()
        fonts = [
            (s.metadata["filename"], s.mimetype, s.data)
            for s in after.streams
            if s.type == "attachment"
        ]
        assert fonts == ([("font.ttf", "font/ttf", b"a font")] if extension == "mkv" else [])
        assert [s.type for s in after.streams] == [s.type for s in before.streams]


@pytest.mark.parametrize("extension", ["mkv", "mp4"])
def test_range_copies_its_part_of_every_stream(
    tmp_path: Path, videos: dict[str, Path], extension: str
) -> None:
    source = videos[extension]
    out = swap(source, tmp_path / f"out.{extension}", frame_range="5:20")
    start, end = Fraction(200, 1000), Fraction(800, 1000)
    assert frame_times(out) == [time - start for time in frame_times(source)[5:20]]
    assert probe_video(out).duration == pytest.approx(0.6, abs=0.0011)
    for index in range(2):
        expected = [
            (t - start, payload)
            for t, payload in read_payloads(source, "audio", index)
            if start <= t < end
        ]
        copied = read_payloads(out, "audio", index)
        assert [payload for _, payload in copied] == [payload for _, payload in expected] != []
        assert [float(t) for t, _ in copied] == pytest.approx(
            [float(t) for t, _ in expected], abs=0.001
        )
    # The first subtitle is visible when the range starts; the third starts when it ends.
    assert [(a, b) for a, b, _ in read_subtitles(out)] == [
        (0, Fraction(1, 10)),
        (Fraction(15, 100), Fraction(35, 100)),
    ]
    assert read_chapters(out) == [
        (0, Fraction(1, 5), "one"),
        (Fraction(1, 5), Fraction(3, 5), "two"),
    ]


@pytest.mark.parametrize("extension", ["ts", "mkv", "mp4"])
def test_output_of_a_source_that_starts_late_starts_at_zero(tmp_path: Path, extension: str) -> None:
    pts = [5_000 + 40 * n for n in range(12)]
    source = make_clip(tmp_path / f"in.{extension}", wave_images(12), pts=pts, audio_seconds=0.4)
    out = swap(source, tmp_path / "out.mkv")
    start = probe_video(source).start
    assert [float(t) for t in frame_times(out)] == pytest.approx(
        [float(t - start) for t in frame_times(source)], abs=0.001
    )
    shifted = [(float(t - start), payload) for t, payload in read_payloads(source, "audio")]
    copied = [(float(t), payload) for t, payload in read_payloads(out, "audio")]
    # In a transport stream each AAC packet has a header of 7 bytes.
    header = 7 if extension == "ts" else 0
    assert [s for _, s in copied] == [s[header:] for _, s in shifted]
    assert [t for t, _ in copied] == pytest.approx([t for t, _ in shifted], abs=0.002)


def test_frames_hidden_by_an_edit_list_are_not_converted(tmp_path: Path) -> None:
    """The output starts at 0 with the first frame that a player shows."""
    source = make_clip(
        tmp_path / "in.mp4",
        wave_images(12),
        pts=[40 * n - 120 for n in range(12)],
        options={"bf": "0"},
    )
    visible = frame_times(source)
    assert len(visible) < 12
    assert read_frame_pts(probe_video(source)) == [f.pts for f in read_frames(source)]
    out = swap(source, tmp_path / "out.mp4")
    assert frame_times(out) == [time - probe_video(source).start for time in visible]


def test_audio_longer_than_the_video_is_copied_completely(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", wave_images(6), audio_seconds=1.5)
    out = swap(source, tmp_path / "out.mp4")
    assert read_payloads(out, "audio") == read_payloads(source, "audio")
    assert len(frame_times(out)) == 6


def test_damaged_frame_is_refused_and_no_output_is_left(tmp_path: Path, sample: Path) -> None:
    clip = make_clip(
        tmp_path / "in.mp4", [f.rgb for f in read_frames(sample / "target_ada.mp4", stop=12)]
    )
    middle = sorted(read_packets(clip, "video"), key=lambda p: p.pts)[6]
    damaged = bytearray(clip.read_bytes())
    damaged[middle.pos + 4 : middle.pos + middle.size] = bytes(
        np.random.default_rng(0).integers(0, 256, middle.size - 4, np.uint8)
    )
    clip.write_bytes(damaged)
    bundle = make_bundle(tmp_path / "ben.bundle")
    with pytest.raises(MediaUnreadable, match=r"in\.mp4.*frame \d") as refused:
        run_to_completion(convert(clip, bundle, tmp_path / "out.mp4", ConvertOptions()))
    assert refused.value.exit_code == 5
    assert {p.name for p in tmp_path.iterdir()} == {"in.mp4", "ben.bundle"}


def test_video_that_changes_its_size_is_refused(tmp_path: Path) -> None:
    """FFmpeg would scale the rest to the first size without a warning."""
    parts = [
        make_clip(
            tmp_path / f"{start}.ts", wave_images(3, height), pts=[start + 40 * n for n in range(3)]
        )
        for start, height in ((0, 96), (5_000, 64))
    ]
    (tmp_path / "in.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(MediaUnreadable, match=r"in\.ts changes its size at frame 3"):
        swap(tmp_path / "in.ts", tmp_path / "out.mp4", segment_count=1)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("interlaced", [False, True])
def test_interlaced_source_gives_a_warning(tmp_path: Path, interlaced: bool) -> None:
    clip = make_clip(
        tmp_path / "in.mp4",
        wave_images(3),
        options={"x264-params": "tff=1"} if interlaced else None,
    )
    warnings = output_warnings(tmp_path / "out.mp4", probe_video(clip), Encoding())
    assert [("interlaced" in warning) for warning in warnings] == [True] * interlaced


@pytest.mark.parametrize("extension", ["mp4", "mkv", "gif"])
@pytest.mark.long
def test_same_conversion_writes_the_same_bytes(
    tmp_path: Path, videos: dict[str, Path], extension: str
) -> None:
    source = videos["mp4" if extension == "mp4" else "mkv"]
    first, second = (swap(source, tmp_path / f"{n}.{extension}").read_bytes() for n in range(2))
    assert first == second


def test_face_swap_keeps_every_bit_outside_the_crop(tmp_path: Path, sample: Path) -> None:
    images = [
        np.ascontiguousarray(np.rot90(f.rgb, -1))
        for f in read_frames(sample / "target_ada.mp4", stop=3)
    ]
    clip = make_clip(tmp_path / "in.mkv", images, rotation=90, pixel_format="yuv422p10le")
    bundle = make_bundle(tmp_path / "ben.bundle")
    run_to_completion(
        convert(clip, bundle, tmp_path / "out.mkv", ConvertOptions(encoding=LOSSLESS))
    )
    for a, b in zip(read_frames(clip), read_frames(tmp_path / "out.mkv"), strict=True):
        for before, after in zip(frame_planes(a.decoded), frame_planes(b.decoded), strict=True):
            rows, columns = np.nonzero(before != after)
            height, width = before.shape
            assert 0.1 < np.mean(before != after) < 0.6
            assert rows.min() > 0.05 * height
            assert np.ptp(rows) < 0.9 * height
            assert np.ptp(columns) < 0.9 * width
