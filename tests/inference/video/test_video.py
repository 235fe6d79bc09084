"""Videos are read and written with their times, size, colors and audio; other files are refused."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fakes.swap import open_writer

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.video import ColorTags, probe_video, read_frames
from faceloom.video.pixel_format import _EXACT, from_rgb, to_rgb


def rewrite(source: Path, target: Path) -> Path:
    """Write a video's frames unchanged."""
    info = probe_video(source)
    with open_writer(target, target, info) as writer:
        for frame in read_frames(source):
            writer.write(frame)
    return target


def audio_packets(path: Path) -> list[tuple[int, bytes]]:
    """Return PTS and bytes of each audio packet."""
    with av.open(str(path)) as container:
        return [(p.pts, bytes(p)) for p in container.demux(audio=0) if p.dts is not None]


CLIPS = {
    "plain": {},
    "variable frame rate": {"pts": [0, 40, 80, 300, 310, 790]},
    "29.97": {"pts": [1001 * n for n in range(6)], "time_base": Fraction(1, 30000)},
    "rotated by a phone": {"rotation": 90},
    "upside down": {"rotation": 180},
    "wide pixels": {"sample_aspect_ratio": Fraction(4, 3)},
    "BT.709": {"matrix": 1, "color_range": 1},
    "full range": {"matrix": 1, "color_range": 2},
    "4:4:4": {"pixel_format": "yuv444p"},
    "starts late": {"pts": [90_000 + 40 * n for n in range(6)]},
    "with audio": {"audio_seconds": 0.5},
}


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("extension", ["mp4", "mkv", "mov"])
@pytest.mark.long
def test_rewritten_video_keeps_its_properties(tmp_path: Path, name: str, extension: str) -> None:
    source = make_clip(tmp_path / f"in.{extension}", wave_images(6), **CLIPS[name])
    target = rewrite(source, tmp_path / f"out.{extension}")
    before, after = probe_video(source), probe_video(target)
    for field in ("width", "height", "orientation", "sample_aspect_ratio", "color"):
        assert getattr(after, field) == getattr(before, field), field
    frames = list(zip(read_frames(source), read_frames(target), strict=True))
    start = 0 if before.start == 0 else frames[0][0].seconds
    assert [b.seconds for _, b in frames] == pytest.approx(
        [a.seconds - start for a, _ in frames], abs=1e-9
    )
    for a, b in frames:
        error = b.rgb.astype(int) - a.rgb
        assert np.abs(error).mean() < 4  # the encoder's loss
        assert np.abs(error.mean((0, 1))).max() < 1  # no color drift
    if name != "variable frame rate" or extension == "mkv":
        # MP4's header ends at the last DTS, which differs with a variable frame rate.
        assert after.duration == pytest.approx(before.duration, abs=0.002)
    if "audio_seconds" in CLIPS[name]:
        assert audio_packets(target) == audio_packets(source) != []


@pytest.mark.parametrize(("width", "height"), [(127, 95), (127, 96), (128, 95)])
def test_odd_sizes_are_kept(tmp_path: Path, width: int, height: int) -> None:
    source = make_clip(tmp_path / "in.mkv", wave_images(3, height, width), pixel_format="yuv444p")
    after = probe_video(rewrite(source, tmp_path / "out.mp4"))
    assert (after.width, after.height) == (width, height)


def test_audio_is_copied_and_interleaved_with_the_video(tmp_path: Path, sample: Path) -> None:
    target = rewrite(sample / "target_ada.mp4", tmp_path / "out.mp4")
    assert audio_packets(target) == audio_packets(sample / "target_ada.mp4")
    with av.open(str(target)) as container:
        types = [p.stream.type for p in container.demux() if p.dts is not None]
    # Audio packets are stored near the frames of the same time.
    assert "audio" in types[: len(types) // 4]
    assert "video" in types[-len(types) // 4 :]


@pytest.mark.parametrize(("matrix", "color_range"), [(1, 1), (1, 2), (6, 1), (9, 1)])
def test_colors_are_kept_by_a_round_trip_through_rgb(matrix: int, color_range: int) -> None:
    rgb = wave_images(1)[0]
    decoded = from_rgb(rgb, "yuv444p", _tags(matrix, color_range))
    decoded.colorspace, decoded.color_range = matrix, color_range
    drift = to_rgb(decoded).astype(int) - rgb
    # swscale rounds full range down, by half a level.
    assert abs(drift.mean()) < (0.1 if color_range == 1 else 0.6)
    assert np.abs(drift).max() <= 3


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv422p10le", "nv12", "gray", "rgb24", "bgra"]
)
@pytest.mark.parametrize("size_wh", [(64, 48), (51, 37)])
def test_conversion_through_planar_rgb_equals_direct_conversion(
    pixel_format: str, size_wh: tuple[int, int]
) -> None:
    width, height = size_wh
    rgb = np.ascontiguousarray(np.resize(wave_images(1)[0], (height, width, 3)))
    decoded = from_rgb(rgb, pixel_format, _tags(1, 1))
    decoded.colorspace = 1
    direct = decoded.reformat(format="rgb24", interpolation=_EXACT).to_ndarray()
    assert np.array_equal(to_rgb(decoded), direct)


def test_color_matrix_is_used() -> None:
    """The same RGB has different luma with two matrices."""
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[..., 0] = 200
    lumas = [from_rgb(rgb, "yuv444p", _tags(m, 1)).to_ndarray()[0].mean() for m in (1, 6)]
    assert abs(lumas[0] - lumas[1]) > 5


def _tags(matrix: int, color_range: int) -> ColorTags:
    return ColorTags(2, 2, matrix, color_range)


def _write_text(path: Path, sample: Path) -> None:
    path.write_text("not a video\n" * 50)


def _write_truncated(path: Path, sample: Path) -> None:
    data = (sample / "target_ada.mp4").read_bytes()
    # The index of this file precedes its data, as in most downloads.
    path.write_bytes(data[: len(data) * 2 // 3])


def _write_without_index(path: Path, sample: Path) -> None:
    complete = path.with_name("index_last.mp4")
    make_clip(complete, wave_images(4))
    path.write_bytes(complete.read_bytes()[:-300])


def _write_truncated_mkv(path: Path, sample: Path) -> None:
    """Matroska has no index to check, but states its duration."""
    complete = path.with_name("complete.mkv")
    rewrite(sample / "target_ada.mp4", complete)
    path.write_bytes(complete.read_bytes()[: complete.stat().st_size // 2])


def _write_image(path: Path, sample: Path) -> None:
    cv2.imwrite(str(path), wave_images(1)[0])


def _write_audio(path: Path, sample: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


# Name -> file name, how to write it, error, message.
INVALID = {
    "a text file": ("a.mp4", _write_text, MediaUnreadable, "not a video"),
    "truncated": ("b.mp4", _write_truncated, MediaUnreadable, "is truncated"),
    "truncated before its index": ("c.mp4", _write_without_index, MediaUnreadable, "not a video"),
    "an image": ("d.png", _write_image, MediaUnreadable, "is an image"),
    "another image": ("e.png", _write_image, MediaUnreadable, "is an image"),
    "only audio": ("f.m4a", _write_audio, MediaUnreadable, "no video stream, only audio"),
    "empty": ("g.mp4", lambda path, sample: path.touch(), MediaUnreadable, "not a video"),
    "missing": ("h.mp4", lambda path, sample: None, UsageError, "does not exist"),
    "a folder": ("i.mp4", lambda path, sample: path.mkdir(), UsageError, "is a folder"),
}


@pytest.mark.parametrize("name", INVALID)
def test_file_that_is_not_a_video_is_refused(tmp_path: Path, sample: Path, name: str) -> None:
    file, make, error, message = INVALID[name]
    make(tmp_path / file, sample)
    with pytest.raises(error, match=message) as refused:
        probe_video(tmp_path / file)
    assert file in str(refused.value)
    assert "\n" not in str(refused.value)


def test_video_that_ends_before_its_stated_duration_is_refused(
    tmp_path: Path, sample: Path
) -> None:
    _write_truncated_mkv(tmp_path / "cut.mkv", sample)
    with pytest.raises(
        MediaUnreadable, match=r"cut\.mkv is damaged: its frames end at .* s of 3\.0 s"
    ):
        list(read_frames(tmp_path / "cut.mkv"))


def test_rgb_video_keeps_its_colors(tmp_path: Path) -> None:
    source = tmp_path / "rgb.mkv"
    images = wave_images(3)
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "rgb24"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
    assert probe_video(source).pixel_format == "gbrp"
    for image, frame in zip(
        images, read_frames(rewrite(source, tmp_path / "out.mp4")), strict=True
    ):
        assert np.abs(frame.rgb.mean((0, 1)) - image.mean((0, 1))).max() < 1.5


def test_default_audio_stream_is_kept(tmp_path: Path, sample: Path) -> None:
    from av.stream import Disposition

    source = tmp_path / "in.mkv"
    with (
        av.open(str(sample / "target_ada.mp4")) as original,
        av.open(str(source), "w") as container,
    ):
        video = container.add_stream_from_template(original.streams.video[0])
        audios = [container.add_stream_from_template(original.streams.audio[0]) for _ in range(2)]
        audios[0].disposition, audios[1].disposition = Disposition(0), Disposition.default
        for packet in original.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                packet.stream = video
                container.mux(packet)
            else:
                for audio in audios:
                    packet.stream = audio
                    container.mux(packet)
    with av.open(str(rewrite(source, tmp_path / "out.mkv"))) as container:
        assert [bool(s.disposition & Disposition.default) for s in container.streams.audio] == [
            False,
            True,
        ]


def test_unknown_container_is_refused(tmp_path: Path, sample: Path) -> None:
    info = probe_video(sample / "target_ada.mp4")
    with (
        pytest.raises(UsageError, match=r"\.mp4, \.m4v"),
        open_writer(tmp_path / "x.part", tmp_path / "x.avi", info),
    ):
        pass
