"""What goes in comes out: times, shape, colors, sound; and what is no video is refused in one sentence."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fake_swap import open_writer

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.video import probe_video, read_frames
from faceloom.video.pixel_format import _EXACT, from_rgb, to_rgb
from faceloom.video.rotation import to_coded, to_upright


def rewrite(source: Path, target: Path) -> Path:
    """Pass a video through the writer unchanged."""
    info = probe_video(source)
    with open_writer(target, target, info) as writer:
        for frame in read_frames(source):
            writer.write(frame)
    return target


def sound_of(path: Path) -> list[tuple[int, bytes]]:
    with av.open(str(path)) as container:
        return [(p.pts, bytes(p)) for p in container.demux(audio=0) if p.dts is not None]


CLIPS = {
    "plain": {},
    "variable frame rate": {"pts": [0, 40, 80, 300, 310, 790]},
    "29.97": {"pts": [1001 * n for n in range(6)], "time_base": Fraction(1, 30000)},
    "turned by a phone": {"rotation": 90},
    "upside down": {"rotation": 180},
    "wide pixels": {"sample_aspect_ratio": Fraction(4, 3)},
    "BT.709": {"matrix": 1, "color_range": 1},
    "full range": {"matrix": 1, "color_range": 2},
    "4:4:4": {"pixel_format": "yuv444p"},
    "coded late": {"pts": [90_000 + 40 * n for n in range(6)]},
    "with sound": {"sound_seconds": 0.5},
}


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_nothing_of_a_video_is_lost(tmp_path: Path, name: str, ending: str) -> None:
    source = make_clip(tmp_path / f"in.{ending}", wave_images(6), **CLIPS[name])
    target = rewrite(source, tmp_path / f"out.{ending}")
    before, after = probe_video(source), probe_video(target)
    for what in ("width", "height", "rotation", "sample_aspect_ratio", "color"):
        assert getattr(after, what) == getattr(before, what), what
    frames = list(zip(read_frames(source), read_frames(target), strict=True))
    begin = 0 if before.start == 0 else frames[0][0].seconds
    assert [b.seconds for _, b in frames] == pytest.approx(
        [a.seconds - begin for a, _ in frames], abs=1e-9
    )
    for a, b in frames:
        error = b.rgb.astype(int) - a.rgb
        assert np.abs(error).mean() < 4  # the encoder's own loss
        assert np.abs(error.mean((0, 1))).max() < 1  # and no drift of colors
    if name != "variable frame rate" or ending == "mkv":
        # MP4's header counts to where the last picture is decoded, so with uneven times it says little.
        assert after.duration == pytest.approx(before.duration, abs=0.002)
    if "sound_seconds" in CLIPS[name]:
        assert sound_of(target) == sound_of(source) != []


@pytest.mark.parametrize(("width", "height"), [(127, 95), (127, 96), (128, 95)])
def test_odd_sizes_stay_odd(tmp_path: Path, width: int, height: int) -> None:
    source = make_clip(tmp_path / "in.mkv", wave_images(3, height, width), pixel_format="yuv444p")
    after = probe_video(rewrite(source, tmp_path / "out.mp4"))
    assert (after.width, after.height) == (width, height)


def test_real_sound_and_interleaving(tmp_path: Path, sample: Path) -> None:
    target = rewrite(sample / "target_ada.mp4", tmp_path / "out.mp4")
    assert sound_of(target) == sound_of(sample / "target_ada.mp4")
    with av.open(str(target)) as container:
        kinds = [p.stream.type for p in container.demux() if p.dts is not None]
    # Sound lies beside its pictures, not behind all of them.
    assert "audio" in kinds[: len(kinds) // 4]
    assert "video" in kinds[-len(kinds) // 4 :]


@pytest.mark.parametrize(("matrix", "color_range"), [(1, 1), (1, 2), (6, 1), (9, 1)])
def test_colors_survive_the_way_through_rgb(matrix: int, color_range: int) -> None:
    rgb = wave_images(1)[0]
    coded = from_rgb(rgb, "yuv444p", _tags(matrix, color_range))
    coded.colorspace, coded.color_range = matrix, color_range
    drift = to_rgb(coded).astype(int) - rgb
    # Full range is rounded down by swscale, by half a level.
    assert abs(drift.mean()) < (0.1 if color_range == 1 else 0.6)
    assert np.abs(drift).max() <= 3


@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv422p10le", "nv12", "gray", "rgb24", "bgra"]
)
@pytest.mark.parametrize("size_wh", [(64, 48), (51, 37)])
def test_rgb_by_way_of_planes_is_what_swscale_makes_at_once(
    pixel_format: str, size_wh: tuple[int, int]
) -> None:
    width, height = size_wh
    rgb = np.ascontiguousarray(np.resize(wave_images(1)[0], (height, width, 3)))
    coded = from_rgb(rgb, pixel_format, _tags(1, 1))
    coded.colorspace = 1
    at_once = coded.reformat(format="rgb24", interpolation=_EXACT).to_ndarray()
    assert np.array_equal(to_rgb(coded), at_once)


def test_the_matrix_is_not_a_guess() -> None:
    """The same RGB, coded with two matrices, has different luma; both must come back to the same RGB."""
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[..., 0] = 200
    lumas = [from_rgb(rgb, "yuv444p", _tags(m, 1)).to_ndarray()[0].mean() for m in (1, 6)]
    assert abs(lumas[0] - lumas[1]) > 5


def _tags(matrix: int, color_range: int):
    from faceloom.video import ColorTags

    return ColorTags(2, 2, matrix, color_range)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_upright_and_back(rotation: int) -> None:
    picture = wave_images(1, 10, 20)[0]
    np.testing.assert_array_equal(to_coded(to_upright(picture, rotation), rotation), picture)


def test_upright_is_what_a_player_shows(tmp_path: Path) -> None:
    """A player turns the picture counter-clockwise by the rotation."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, 80:] = 255  # white at the right
    source = make_clip(tmp_path / "in.mp4", [picture] * 2, rotation=90)
    shown = to_upright(next(iter(read_frames(source))).rgb, probe_video(source).rotation)
    assert shown.shape == (96, 64, 3)
    assert shown[:10].mean() > 240  # at the top now
    assert shown[-10:].mean() < 15


# Name of the file, how to make it, what is said.
def _text(path: Path, sample: Path) -> None:
    path.write_text("not a video\n" * 50)


def _cut_short(path: Path, sample: Path) -> None:
    whole = (sample / "target_ada.mp4").read_bytes()
    # The index of this file stands before the data, as in most downloads.
    path.write_bytes(whole[: len(whole) * 2 // 3])


def _cut_before_its_index(path: Path, sample: Path) -> None:
    made = path.with_name("index_last.mp4")
    make_clip(made, wave_images(4))
    path.write_bytes(made.read_bytes()[:-300])


def _cut_mkv(path: Path, sample: Path) -> None:
    """Matroska has no index that tells; what it states to last does."""
    made = path.with_name("whole.mkv")
    rewrite(sample / "target_ada.mp4", made)
    path.write_bytes(made.read_bytes()[: made.stat().st_size // 2])


def _picture(path: Path, sample: Path) -> None:
    cv2.imwrite(str(path), wave_images(1)[0])


def _only_sound(path: Path, sample: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


BAD = {
    "a text file": ("a.mp4", _text, MediaUnreadable, "not a video"),
    "cut short": ("b.mp4", _cut_short, MediaUnreadable, "cut short"),
    "cut before its index": ("c.mp4", _cut_before_its_index, MediaUnreadable, "not a video"),
    "a picture": ("d.png", _picture, MediaUnreadable, "is a picture"),
    "a picture called a video": ("e.png", _picture, MediaUnreadable, "is a picture"),
    "only sound": ("f.m4a", _only_sound, MediaUnreadable, "no video in it, only audio"),
    "empty": ("g.mp4", lambda path, sample: path.touch(), MediaUnreadable, "not a video"),
    "missing": ("h.mp4", lambda path, sample: None, UsageError, "does not exist"),
    "a folder": ("i.mp4", lambda path, sample: path.mkdir(), UsageError, "is a folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_video_is_refused_in_one_sentence(
    tmp_path: Path, sample: Path, name: str
) -> None:
    file, make, error, words = BAD[name]
    make(tmp_path / file, sample)
    with pytest.raises(error, match=words) as refused:
        probe_video(tmp_path / file)
    assert file in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_video_that_ends_too_early_is_refused_at_its_end(tmp_path: Path, sample: Path) -> None:
    _cut_mkv(tmp_path / "cut.mkv", sample)
    with pytest.raises(
        MediaUnreadable, match=r"cut\.mkv is damaged: its pictures end at .* s of 3\.0 s"
    ):
        list(read_frames(tmp_path / "cut.mkv"))


def test_a_video_coded_as_rgb_keeps_its_colors(tmp_path: Path) -> None:
    source = tmp_path / "rgb.mkv"
    pictures = wave_images(3)
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "rgb24"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    assert probe_video(source).pixel_format == "gbrp"
    for made, shown in zip(
        pictures, read_frames(rewrite(source, tmp_path / "out.mp4")), strict=True
    ):
        assert np.abs(shown.rgb.mean((0, 1)) - made.mean((0, 1))).max() < 1.5


def test_which_language_plays_first_is_kept(tmp_path: Path, sample: Path) -> None:
    from av.stream import Disposition

    source = tmp_path / "in.mkv"
    with av.open(str(sample / "target_ada.mp4")) as one, av.open(str(source), "w") as container:
        video = container.add_stream_from_template(one.streams.video[0])
        sounds = [container.add_stream_from_template(one.streams.audio[0]) for _ in range(2)]
        sounds[0].disposition, sounds[1].disposition = Disposition(0), Disposition.default
        for packet in one.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                packet.stream = video
                container.mux(packet)
            else:
                for sound in sounds:
                    packet.stream = sound
                    container.mux(packet)
    with av.open(str(rewrite(source, tmp_path / "out.mkv"))) as container:
        assert [bool(s.disposition & Disposition.default) for s in container.streams.audio] == [
            False,
            True,
        ]


def test_an_unknown_container_and_one_that_cannot_hold_the_sound(
    tmp_path: Path, sample: Path
) -> None:
    info = probe_video(sample / "target_ada.mp4")
    with (
        pytest.raises(UsageError, match=r"\.mp4, \.m4v"),
        open_writer(tmp_path / "x.part", tmp_path / "x.avi", info),
    ):
        pass
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        picture = av.VideoFrame.from_ndarray(wave_images(1)[0], "rgb24").reformat(format="yuv420p")
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        sound = container.add_stream("wavpack", rate=44100, layout="mono")
        container.mux(video.encode(picture))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    with (
        pytest.raises(UsageError, match="cannot hold the source's audio"),
        open_writer(tmp_path / "y.part", tmp_path / "y.mp4", probe_video(source)),
    ):
        pass
