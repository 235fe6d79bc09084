"""Nothing of a source is lost but what the swap changes: each property of a video on a clip that has it.

The swap here is a flat rectangle; the pictures go in two segments that are joined, as a conversion's do.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from bundles import make_bundle
from clips import Film, add_film, make_clip, noise

from faceloom.errors import FaceloomError, MediaUnreadable, ProviderMissing, UsageError
from faceloom.progress import finish
from faceloom.swap import ConvertOptions, convert
from faceloom.video import (
    DEFAULT_ENCODING,
    Encoding,
    Frame,
    FrameRange,
    PictureWriter,
    VideoInfo,
    check_output,
    frame_times,
    join_segments,
    notices,
    probe_source,
    probe_video,
    read_frames,
    read_source,
    refuse_output,
    replacing_output,
)
from faceloom.video.join import order_times
from faceloom.video.orient import box_as_coded, upright
from faceloom.video.pixels import _planes, _samples, on_grid

BOX = (41, 23, 70, 51)
LOSSLESS = Encoding("lossless")


def stamped(frame: Frame) -> Frame:
    left, top, right, bottom = BOX
    rgb = frame.rgb.copy()
    rgb[top:bottom, left:right] = 200, 40, 60
    return replace(frame, rgb=rgb, changed=(BOX,))


def swap(source: Path, out: Path, encoding: Encoding = DEFAULT_ENCODING, chosen: str = ":", parts: int = 2) -> Path:
    info = probe_source(source)
    encoding = check_output(out, info, encoding)
    times = frame_times(info)
    span = FrameRange.parse(chosen).resolve(info)
    stop = len(times) if span.stop is None else span.stop
    seams = [span.start + (stop - span.start) * n // parts for n in range(parts + 1)]
    with replacing_output(out) as part:
        segments = []
        for a, b in pairwise(seams):
            if a < b:
                segments.append(source.with_name(f"{out.stem}-{a}.segment"))
                write_segment(segments[-1], info, encoding, a, b, times[a])
        join_segments(segments, part, out, info, encoding, begin=span.begin, end=span.end)
    for segment in segments:
        segment.unlink()
    return out


def write_segment(path: Path, info: VideoInfo, encoding: Encoding, start: int, stop: int, pts: int) -> None:
    with PictureWriter.open(path, info, encoding) as writer:
        for frame in read_source(info, start=start, stop=stop, start_pts=pts):
            writer.write(stamped(frame))


def packets(path: Path, kind: str, number: int = 0) -> list[av.Packet]:
    with av.open(str(path)) as container:
        stream = [s for s in container.streams if s.type == kind][number]
        return [p for p in container.demux(stream) if p.size and (p.pts is not None or p.dts is not None)]


def data(path: Path, kind: str, number: int = 0) -> list[tuple[Fraction, bytes]]:
    return [(p.pts * p.time_base, bytes(p)) for p in packets(path, kind, number)]


def planes(picture: av.VideoFrame) -> Iterator[np.ndarray]:
    for kind, plane in zip(_planes(picture.format.name), picture.planes, strict=True):
        yield _samples(plane, kind.step).reshape(plane.height, -1)


def lasting(path: Path) -> float:
    with av.open(str(path)) as container:
        return container.duration / av.time_base


def seconds(path: Path) -> list[Fraction]:
    return [f.pts * f.time_base for f in read_frames(path)]


CLIPS = {
    "plain.mp4": {},
    "plain.mkv": {},
    "variable.mp4": {"pts": [0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000]},
    "variable.mkv": {"pts": [0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000]},
    "ntsc.mp4": {"pts": [1001 * n for n in range(12)], "time_base": Fraction(1, 30000)},
    "turned.mp4": {"rotation": 90},
    "upside_down.mov": {"rotation": 180},
    "wide_pixels.mp4": {"sample_aspect_ratio": Fraction(4, 3)},
    "wide_pixels.mkv": {"sample_aspect_ratio": Fraction(16, 11)},
    "ten_bits.mp4": {"pixel_format": "yuv420p10le"},
    "422.mov": {"pixel_format": "yuv422p"},
    "422_ten_bits.mkv": {"pixel_format": "yuv422p10le"},
    "444.mp4": {"pixel_format": "yuv444p"},
    "hdr10.mp4": {"pixel_format": "yuv420p10le", "matrix": 9, "colour_range": 1, "primaries": 9, "transfer": 16},
    "hlg.mkv": {"pixel_format": "yuv420p10le", "matrix": 9, "colour_range": 1, "primaries": 9, "transfer": 18},
    "full_range.mp4": {"pixel_format": "yuvj420p", "matrix": 1, "colour_range": 2},
    "bt709.mp4": {"matrix": 1, "colour_range": 1, "primaries": 1, "transfer": 1},
    "late.mkv": {"pts": [90_000 + 40 * n for n in range(12)]},
    "no_b_frames.mp4": {"options": {"bf": "0"}},
    "many_b_frames.mp4": {"options": {"bf": "8", "b-pyramid": "normal", "b_strategy": "0"}},
}


# Seconds of the file's length before its first picture.
LATE = {"late.mkv": 90}


@pytest.mark.parametrize("name", CLIPS)
def test_times_shape_and_tags_are_the_sources(tmp_path: Path, name: str) -> None:
    source = make_clip(tmp_path / name, noise(12), **CLIPS[name])
    out = swap(source, tmp_path / f"out_{name}")
    before, after = probe_video(source), probe_video(out)
    for what in ("width", "height", "rotation", "sample_aspect_ratio", "colour", "pixel_format"):
        assert getattr(after, what) == getattr(before, what), what
    if name != "variable.mp4":  # whose header counts to where the last picture is decoded
        assert lasting(out) == pytest.approx(lasting(source) - LATE.get(name, 0), abs=0.011)
    times = seconds(source)
    assert seconds(out) == [time - before.start for time in times]
    assert seconds(out)[0] == 0
    coded = [p for p in packets(out, "video") if p.dts is not None]  # Matroska keeps but pts
    assert all(a.dts < b.dts for a, b in pairwise(coded))
    assert all(p.dts <= p.pts for p in coded)
    left, top, right, bottom = BOX
    for a, b in zip(read_frames(source), read_frames(out), strict=True):
        off = np.abs(a.rgb.astype(int) - b.rgb).max(-1)
        assert off[top + 4 : bottom - 4, left + 4 : right - 4].min() > 30
        off[top - 9 : bottom + 9, left - 9 : right + 9] = 0
        assert off.mean() < 6


def test_odd_sizes(tmp_path: Path) -> None:
    """H.264 has none in 4:2:0, so they become 4:4:4, and that is said."""
    source = make_clip(tmp_path / "in.mkv", noise(4, 95, 127), codec="ffv1", options={"level": "3"})
    assert probe_video(source).pixel_format == "yuv420p"
    after = probe_video(swap(source, tmp_path / "out.mp4"))
    assert (after.width, after.height, after.pixel_format) == (127, 95, "yuv444p")
    assert "written as yuv444p" in notices(tmp_path / "out.mp4", probe_video(source), Encoding())[0]
    with pytest.raises(UsageError, match="takes only even sizes"):
        check_output(tmp_path / "out.mp4", probe_video(source), Encoding("svtav1"))


EXACT = {
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


@pytest.mark.parametrize("size_hw", [(96, 128), (95, 127)])
@pytest.mark.parametrize("pixel_format", EXACT)
def test_outside_the_rectangle_every_bit_is_kept(tmp_path: Path, pixel_format: str, size_hw: tuple[int, int]) -> None:
    codec, ending = EXACT[pixel_format]
    if size_hw[0] % 2 and codec == "libx264":
        codec, ending = "ffv1", ".mkv"
        pixel_format = pixel_format.replace("yuvj", "yuv")
    options = {"crf": "30"} if codec == "libx264" else {"level": "3"}
    made = noise(4, *size_hw)
    source = make_clip(tmp_path / "in.mkv", made, codec=codec, pixel_format=pixel_format, options=options)
    out = swap(source, tmp_path / f"out{ending}", LOSSLESS)
    for a, b in zip(read_frames(source), read_frames(out), strict=True):
        assert a.coded.format.name == b.coded.format.name == pixel_format
        left, top, right, bottom = on_grid(BOX, pixel_format, size_hw[1], size_hw[0])
        for before, after in zip(planes(a.coded), planes(b.coded), strict=True):
            down = round(size_hw[0] / before.shape[0])
            rows = slice(top // down, -(-bottom // down))
            assert np.array_equal(np.delete(before, rows, 0), np.delete(after, rows, 0))
        beside = np.ones(a.rgb.shape[:2], bool)
        beside[top - 9 : bottom + 9, left - 9 : right + 9] = False
        assert np.array_equal(a.rgb[beside], b.rgb[beside])
        assert not np.array_equal(a.rgb, b.rgb)


def test_a_frame_that_nothing_changed_is_encoded_as_it_was_decoded(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", noise(6), pixel_format="yuv422p10le")
    info = probe_video(source)
    with PictureWriter.open(tmp_path / "segment", info, LOSSLESS) as writer:
        for frame in read_frames(source):
            frame.rgb[:] = 0  # of no account without a changed rectangle
            writer.write(frame)
    join_segments([tmp_path / "segment"], tmp_path / "out.mkv", tmp_path / "out.mkv", info, LOSSLESS)
    for a, b in zip(read_frames(source), read_frames(tmp_path / "out.mkv"), strict=True):
        assert all(map(np.array_equal, planes(a.coded), planes(b.coded)))


FILM = Film(
    languages=("eng", "fra"),
    subtitles=((100, 300, "hello"), (350, 700, "there"), (800, 900, "end")),
    chapters=((0, 400, "one"), (400, 960, "two")),
    tags={"title": "A title", "artist": "Someone", "comment": "It was cold."},
    attachment=b"a font",
)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    made = {}
    for ending in ("mkv", "mp4"):
        clip = make_clip(folder / f"clip.{ending}", noise(24))
        film = FILM if ending == "mkv" else replace(FILM, attachment=b"")
        made[ending] = add_film(clip, film)
    return made


def chapters(path: Path) -> list[tuple[Fraction, Fraction, str]]:
    with av.open(str(path)) as container:
        return [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"])
            for c in container.chapters()
        ]


def texts(path: Path) -> list[tuple[Fraction, Fraction, bytes]]:
    shown = [(p.pts * p.time_base, p.duration * p.time_base, bytes(p)) for p in packets(path, "subtitle")]
    # MP4 fills the time between two texts with empty ones.
    return [(start, lasting, text) for start, lasting, text in shown if len(text) > 2]


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_every_other_stream_and_what_is_written_about_it(tmp_path: Path, films: dict[str, Path], ending: str) -> None:
    source = films[ending]
    out = swap(source, tmp_path / f"out.{ending}")
    for number in range(2):
        assert data(out, "audio", number) == data(source, "audio", number) != []
    assert data(out, "audio", 0) != data(out, "audio", 1)
    assert [t[0] for t in texts(source)] == [Fraction(n, 1000) for n in (100, 350, 800)]
    assert texts(out) == texts(source)
    assert chapters(out) == chapters(source)
    assert [title for _, _, title in chapters(out)] == ["one", "two"]
    with av.open(str(source)) as before, av.open(str(out)) as after:
        assert [s.language for s in after.streams.audio] == ["eng", "fra"]
        tags = {key.lower(): value for key, value in after.metadata.items()}
        assert FILM.tags.items() <= tags.items()
        fonts = [(s.metadata["filename"], s.mimetype, s.data) for s in after.streams if s.type == "attachment"]
        assert fonts == ([("font.ttf", "font/ttf", b"a font")] if ending == "mkv" else [])
        assert [s.type for s in after.streams] == [s.type for s in before.streams]


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_a_range_brings_its_part_of_everything(tmp_path: Path, films: dict[str, Path], ending: str) -> None:
    source = films[ending]
    out = swap(source, tmp_path / f"out.{ending}", chosen="5:20")
    begin, end = Fraction(200, 1000), Fraction(800, 1000)
    assert seconds(out) == [time - begin for time in seconds(source)[5:20]]
    assert probe_video(out).duration == pytest.approx(0.6, abs=0.0011)
    for number in range(2):
        whole = [(t - begin, sound) for t, sound in data(source, "audio", number) if begin <= t < end]
        got = data(out, "audio", number)
        assert [sound for _, sound in got] == [sound for _, sound in whole] != []
        assert [float(t) for t, _ in got] == pytest.approx([float(t) for t, _ in whole], abs=0.001)
    # The first text is shown already when the range begins; the third begins when it ends.
    assert [(a, b) for a, b, _ in texts(out)] == [(0, Fraction(1, 10)), (Fraction(15, 100), Fraction(35, 100))]
    assert chapters(out) == [(0, Fraction(1, 5), "one"), (Fraction(1, 5), Fraction(3, 5), "two")]


def test_a_range_by_time_and_its_first_frame(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", noise(12), pts=[0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000])
    out = swap(source, tmp_path / "out.mkv", chosen="0.3s:0:00:01.405")
    assert seconds(out) == [Fraction(n, 1000) for n in (0, 10, 490, 500, 650, 1100)]


@pytest.mark.parametrize("bframes", ["0", "3", "8"])
@pytest.mark.parametrize("lengths", [(1, 1, 10), (5, 7), (2, 3, 4, 3)])
def test_seams_are_not_seen(tmp_path: Path, bframes: str, lengths: tuple[int, ...]) -> None:
    """Decode times rise over every seam, pictures stay where and what they were."""
    times = [0, 40, 80, 300, 310, 790, 800, 950, 1400, 1410, 1420, 2000]
    source = make_clip(tmp_path / "in.mp4", noise(12), pts=times)
    info, encoding = probe_video(source), Encoding(options=(("bf", bframes), ("qp", "0")))
    at, segments = 0, []
    for length in lengths:
        segments.append(tmp_path / f"{at}.segment")
        write_segment(segments[-1], info, encoding, at, at + length, frame_times(info)[at])
        at += length
    out = tmp_path / "out.mp4"
    join_segments(segments, out, out, info, encoding)
    coded = packets(out, "video")
    assert all(a.dts < b.dts for a, b in pairwise(coded))
    assert all(p.dts <= p.pts for p in coded)
    frames = list(read_frames(out))
    assert [f.pts * f.time_base for f in frames] == [Fraction(t, 1000) for t in times]
    for frame, before in zip(frames, read_frames(source), strict=True):
        assert np.array_equal(frame.rgb[60:], before.rgb[60:])


def test_decode_times() -> None:
    assert order_times([]) == []
    assert order_times([0, 10, 20]) == [0, 10, 20]
    assert order_times([0, 30, 10, 20]) == [-10, 0, 10, 20]
    assert order_times([5, 100, 50, 20, 80]) == [-25, -10, 5, 20, 50]


@pytest.mark.parametrize("options", [{"g": "12", "bf": "3"}, {"g": "5", "bf": "2", "x264-params": "open-gop=1"}])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_reading_from_any_frame_is_reading_it_all(tmp_path: Path, options: dict[str, str], ending: str) -> None:
    source = make_clip(tmp_path / f"in.{ending}", noise(24), options=options)
    whole = list(read_frames(source))
    assert frame_times(probe_video(source)) == [f.pts for f in whole]
    for number in range(len(whole)):
        some = list(read_frames(source, start=number, stop=number + 2, start_pts=whole[number].pts))
        assert [(f.index, f.pts) for f in some] == [(f.index, f.pts) for f in whole[number : number + 2]]
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(some, whole[number:], strict=False))
    assert [f.index for f in read_frames(source, start=3, stop=11, every=4)] == [4, 8]


@pytest.mark.parametrize("ending", ["ts", "mkv", "mp4"])
def test_a_clock_that_does_not_begin_at_zero(tmp_path: Path, ending: str) -> None:
    pts = [5_000 + 40 * n for n in range(12)]
    source = make_clip(tmp_path / f"in.{ending}", noise(12), pts=pts, sound_seconds=0.4)
    out = swap(source, tmp_path / "out.mkv")
    start = probe_video(source).start
    assert [float(t) for t in seconds(out)] == pytest.approx([float(t - start) for t in seconds(source)], abs=0.001)
    shifted = [(float(t - start), sound) for t, sound in data(source, "audio")]
    got = [(float(t), sound) for t, sound in data(out, "audio")]
    # In a transport stream AAC has a header of 7 bytes in each packet.
    cut = 7 if ending == "ts" else 0
    assert [s for _, s in got] == [s[cut:] for _, s in shifted]
    assert [t for t, _ in got] == pytest.approx([t for t, _ in shifted], abs=0.002)


def test_an_edit_list_that_hides_the_first_frames(tmp_path: Path) -> None:
    """What a player does not show is not swapped, and the rest begins at 0."""
    source = make_clip(tmp_path / "in.mp4", noise(12), pts=[40 * n - 120 for n in range(12)], options={"bf": "0"})
    shown = seconds(source)
    assert len(shown) < 12
    assert frame_times(probe_video(source)) == [f.pts for f in read_frames(source)]
    out = swap(source, tmp_path / "out.mp4")
    assert seconds(out) == [time - probe_video(source).start for time in shown]


def test_times_before_zero(tmp_path: Path) -> None:
    """A segment keeps them, which its container cannot."""
    info = probe_video(make_clip(tmp_path / "in.mkv", noise(6)))
    with PictureWriter.open(tmp_path / "segment", info, Encoding()) as writer:
        for frame in read_frames(info.path):
            writer.write(replace(frame, pts=frame.pts - 80))
    late = replace(info, start=Fraction(-80, 1000))
    join_segments([tmp_path / "segment"], tmp_path / "out.mp4", tmp_path / "out.mp4", late, Encoding())
    assert seconds(tmp_path / "out.mp4") == [Fraction(n, 25) for n in range(6)]


def test_sound_that_goes_on_after_the_pictures(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", noise(6), sound_seconds=1.5)
    out = swap(source, tmp_path / "out.mp4")
    assert data(out, "audio") == data(source, "audio")
    assert len(seconds(out)) == 6


def test_a_damaged_frame_is_refused_and_nothing_is_left(tmp_path: Path, sample: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", [f.rgb for f in read_frames(sample / "target_ada.mp4", stop=12)])
    middle = sorted(packets(clip, "video"), key=lambda p: p.pts)[6]
    spoilt = bytearray(clip.read_bytes())
    spoilt[middle.pos + 4 : middle.pos + middle.size] = bytes(
        np.random.default_rng(0).integers(0, 256, middle.size - 4, np.uint8)
    )
    clip.write_bytes(spoilt)
    bundle = make_bundle(tmp_path / "ben.bundle")
    with pytest.raises(MediaUnreadable, match=r"in\.mp4.*frame \d") as refused:
        finish(convert(clip, bundle, tmp_path / "out.mp4", ConvertOptions()))
    assert refused.value.exit_code == 5
    assert {p.name for p in tmp_path.iterdir()} == {"in.mp4", "ben.bundle"}


@pytest.mark.parametrize("ending", ["mp4", "mkv", "gif"])
def test_the_same_twice_is_the_same_file(tmp_path: Path, films: dict[str, Path], ending: str) -> None:
    source = films["mp4" if ending == "mp4" else "mkv"]
    first, second = (swap(source, tmp_path / f"{n}.{ending}").read_bytes() for n in range(2))
    assert first == second


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
    clip = make_clip(tmp_path / "in.mp4", noise(6), pts=times, pixel_format="yuv422p10le" if deep else "yuv420p")
    info, out = probe_video(clip), tmp_path / "out.mp4"
    after = probe_video(swap(clip, out, Encoding(encoder)))
    assert (after.codec, after.pixel_format) == (codec, formats[deep])
    assert seconds(out) == [Fraction(t, 1000) for t in times]
    said = notices(out, info, Encoding(encoder))
    assert bool(said) == (after.pixel_format != info.pixel_format)


@pytest.mark.parametrize("encoder", ["x264", "x265", "svtav1"])
def test_quality_goes_one_way(tmp_path: Path, sample: Path, encoder: str) -> None:
    info = probe_video(sample / "target_ada.mp4")
    sizes = []
    for quality in (20, 75, 95):
        with PictureWriter.open(tmp_path / "segment", info, Encoding(encoder, quality)) as writer:
            for frame in read_frames(info.path, stop=3):
                writer.write(frame)
        sizes.append((tmp_path / "segment").stat().st_size)
    assert sizes[0] < 0.6 * sizes[1] < 0.6 * 0.8 * sizes[2]


def test_the_default_is_crf_17(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", noise(3))
    swap(clip, tmp_path / "a.mp4")
    assert b"crf=17.0" in (tmp_path / "a.mp4").read_bytes()
    swap(clip, tmp_path / "b.mp4", Encoding.parse(options=["crf=30", "preset=ultrafast"]))
    assert b"crf=30.0" in (tmp_path / "b.mp4").read_bytes()


REFUSED: dict[str, tuple[Callable[[Path], object], type[FaceloomError], str]] = {
    "unknown encoder": (lambda clip: Encoding.parse("divx"), UsageError, "no encoder divx"),
    "quality out of range": (lambda clip: Encoding.parse(quality=101), UsageError, "between 0 and 100"),
    "quality of lossless": (lambda clip: Encoding.parse("lossless", 50), UsageError, "loses nothing"),
    "no pair": (lambda clip: Encoding.parse(options=["crf"]), UsageError, "key=value"),
    "misspelt option": (lambda c: swap(c, c / "../o.mp4", Encoding.parse(options=["cfr=1"])), UsageError, "mean crf"),
    "wrong value": (lambda c: swap(c, c / "../o.mp4", Encoding.parse(options=["crf=much"])), UsageError, "crf=much"),
    "png as a video": (lambda c: swap(c, c / "../o.mp4", Encoding("png")), UsageError, "name a folder"),
    "x265 as a gif": (lambda c: swap(c, c / "../o.gif", Encoding("x265")), UsageError, "writes videos"),
    "a video as a still": (lambda c: swap(c, c / "../o.png"), UsageError, "one picture"),
    "h264 in webm": (lambda c: swap(c, c / "../o.webm"), UsageError, "cannot hold h264"),
    "no such ending": (lambda c: swap(c, c / "../o.avi"), UsageError, "written as .mp4"),
    "no such pattern": (lambda c: swap(c, c / "../o_%s_%d.png"), UsageError, "does not number"),
    "a gpu that is not here": (lambda c: swap(c, c / "../o.mp4", Encoding("nvenc")), ProviderMissing, "does not run"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_encoded_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    attempt, error, words = REFUSED[name]
    clip = make_clip(tmp_path / "in.mp4", noise(2))
    with pytest.raises(error, match=words) as refused:
        attempt(clip)
    assert "\n" not in str(refused.value)
    assert {p.name for p in tmp_path.iterdir()} == {"in.mp4"}


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
    chosen = FrameRange.parse(text)
    assert (chosen.first, chosen.last) == RANGES[text]


@pytest.mark.parametrize("text", ["", "5", "a:b", "1-2", "20:10", "10:10", "2s:1s", "1:2s", "-3:5", "1:2:3", "0:0:1:5"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--range"):
        FrameRange.parse(text)


def test_a_range_that_a_video_has_not(tmp_path: Path) -> None:
    info = probe_video(make_clip(tmp_path / "in.mp4", noise(4)))
    with pytest.raises(UsageError, match=r"no frame of .*in\.mp4, which has 4 frames"):
        FrameRange.parse("9:").resolve(info)
    assert FrameRange.parse("1:99").resolve(info).stop is None


def make_pictures(folder: Path, count: int, kind: type, channels: int) -> list[np.ndarray]:
    """Write NAME1 to NAMEn without leading zeros; what OpenCV calls BGR is another picture and as good."""
    folder.mkdir()
    made = []
    for number, rgb in enumerate(noise(count), 1):
        picture = rgb.astype(kind) * (257 if kind is np.uint16 else 1)
        if channels == 4:
            alpha = np.full_like(picture[..., :1], 5)
            alpha[:48] = np.iinfo(kind).max
            picture = np.concatenate([picture, alpha], -1)
        cv2.imwrite(str(folder / f"shot%d_{number}.png"), picture)
        made.append(picture)
    return made


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("out", ["out", "out/shot_%03d.png"])
def test_pictures_to_pictures(tmp_path: Path, kind: type, channels: int, out: str) -> None:
    made = make_pictures(tmp_path / "in", 11, kind, channels)
    swap(tmp_path / "in", tmp_path / out)
    left, top, right, bottom = BOX
    for number, before in enumerate(made):
        name = f"shot%d_{number + 1}.png" if out == "out" else f"shot_{number:03d}.png"
        after = cv2.imread(str(tmp_path / "out" / name), cv2.IMREAD_UNCHANGED)
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        scale = 257 if kind is np.uint16 else 1
        assert (after[top:bottom, left:right, :3] == np.array([60, 40, 200]) * scale).all()
        after[top:bottom, left:right, :3] = before[top:bottom, left:right, :3]
        assert np.array_equal(after, before)
    assert len(list((tmp_path / "out").iterdir())) == 11


def test_pictures_to_a_video_and_back_upright(tmp_path: Path) -> None:
    made = make_pictures(tmp_path / "in", 4, np.uint8, 3)
    video = swap(tmp_path / "in", tmp_path / "out.mp4")
    info = probe_video(video)
    assert (info.pixel_format, info.colour.matrix, info.duration) == ("yuv420p", 1, pytest.approx(4 / 25))
    assert seconds(video) == [Fraction(n, 25) for n in range(4)]
    for frame, picture in zip(read_frames(video), made, strict=True):
        assert np.abs(frame.rgb[60:, :, ::-1].astype(int) - picture[60:]).mean() < 3
    turned = make_clip(tmp_path / "turned.mp4", noise(2), rotation=90)
    swap(turned, tmp_path / "folder")
    shown = cv2.imread(str(tmp_path / "folder" / "000001.png"), cv2.IMREAD_COLOR_RGB)
    expected = [upright(stamped(f).rgb, 90) for f in read_frames(turned)][1]
    assert np.abs(shown.astype(int) - expected).mean() < 0.5


def test_pictures_of_two_sizes_and_none(tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 2, np.uint8, 3)
    cv2.imwrite(str(tmp_path / "in" / "shot%d_3.png"), noise(1, 64, 64)[0])
    with pytest.raises(MediaUnreadable, match=r"shot%d_3\.png is 64x64"):
        swap(tmp_path / "in", tmp_path / "out.mp4")
    (tmp_path / "in" / "shot%d_3.png").write_text("no picture")
    with pytest.raises(MediaUnreadable, match=r"shot%d_3\.png is not a picture"):
        swap(tmp_path / "in", tmp_path / "out.mp4")
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="holds no picture"):
        swap(tmp_path / "none", tmp_path / "out.mp4")


def test_a_folder_is_not_replaced_by_pictures_of_another(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "1.png").touch()
    with pytest.raises(UsageError, match="--force"):
        refuse_output(tmp_path / "mine", force=False)
    refuse_output(tmp_path / "mine", force=True)
    with pytest.raises(UsageError, match="holds the input"):
        refuse_output(tmp_path / "mine", force=True, inputs=[tmp_path / "mine"])
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(UsageError, match="other things"):
        refuse_output(tmp_path / "mine" / "shot_%d.png", force=True)


def test_gif(tmp_path: Path) -> None:
    times = [0, 70, 200, 330, 400, 900]
    clip = make_clip(tmp_path / "in.mp4", noise(6), pts=times)
    gif = swap(clip, tmp_path / "a.gif")
    assert seconds(gif) == [Fraction(t, 1000) for t in times]
    for a, b in zip(read_frames(clip), read_frames(gif), strict=True):
        assert np.abs(stamped(a).rgb.astype(int) - b.rgb).mean() < 12
    again = swap(gif, tmp_path / "b.gif")
    assert seconds(again) == seconds(gif)
    video = swap(gif, tmp_path / "c.mp4")
    assert seconds(video) == seconds(gif)
    assert probe_video(video).pixel_format == "yuv420p"
    assert "written as yuv420p" in notices(video, probe_video(gif), Encoding())[0]


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_still(tmp_path: Path, ending: str) -> None:
    rgb = noise(1)[0]
    cv2.imwrite(str(tmp_path / "in.png"), rgb[..., ::-1])
    out = swap(tmp_path / "in.png", tmp_path / f"out.{ending}")
    shown = cv2.imread(str(out), cv2.IMREAD_COLOR_RGB)
    left, top, right, bottom = BOX
    assert np.abs(shown[top + 4 : bottom - 4, left + 4 : right - 4].astype(int) - [200, 40, 60]).max() < 12
    assert np.abs(shown[60:].astype(int) - rgb[60:]).mean() <= (0 if ending == "png" else 4)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rectangles_turn_with_their_picture(rotation: int) -> None:
    coded = np.zeros((20, 30, 3), np.uint8)
    shown = upright(coded, rotation).copy()
    box = (2, 5, 9, 11)
    shown[5:11, 2:9] = 255
    back = np.rot90(shown, -rotation // 90)
    left, top, right, bottom = box_as_coded(box, rotation, 30, 20)
    assert back[top:bottom, left:right].min() == 255
    assert back.astype(int).sum() == 255 * 3 * 42


def test_a_real_swap_keeps_every_bit_outside_the_crop(tmp_path: Path, sample: Path) -> None:
    pictures = [np.ascontiguousarray(np.rot90(f.rgb, -1)) for f in read_frames(sample / "target_ada.mp4", stop=3)]
    clip = make_clip(tmp_path / "in.mkv", pictures, rotation=90, pixel_format="yuv422p10le")
    bundle = make_bundle(tmp_path / "ben.bundle")
    finish(convert(clip, bundle, tmp_path / "out.mkv", ConvertOptions(encoding=LOSSLESS)))
    for a, b in zip(read_frames(clip), read_frames(tmp_path / "out.mkv"), strict=True):
        for before, after in zip(planes(a.coded), planes(b.coded), strict=True):
            rows, columns = np.nonzero(before != after)
            height, width = before.shape
            assert 0.1 < np.mean(before != after) < 0.6
            assert rows.min() > 0.05 * height
            assert np.ptp(rows) < 0.9 * height
            assert np.ptp(columns) < 0.9 * width


def test_from_standard_input_to_standard_output(tmp_path: Path, sample: Path) -> None:
    clip = make_clip(tmp_path / "in.mkv", [f.rgb for f in read_frames(sample / "target_ada.mp4", stop=3)])
    bundle = make_bundle(tmp_path / "ben.bundle")
    command = [sys.executable, "-m", "faceloom", "convert", "-", "--bundle", str(bundle), "--out", "-"]
    done = subprocess.run(command, input=clip.read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Standard input" in done.stderr
    assert b"3 of 3 frames" in done.stderr
    (tmp_path / "out.mkv").write_bytes(done.stdout)
    assert seconds(tmp_path / "out.mkv") == seconds(clip)
