"""Folders of pictures, stills, GIFs, standard input and output."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fake_swap import BOX, frame_times, fill_box, swap

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.image_io import read_picture
from faceloom.video import (
    Encoding,
    output_warnings,
    probe_source,
    probe_video,
    read_frames,
    read_source,
    check_output_path,
)
from faceloom.video.rotation import to_upright


def make_pictures(folder: Path, count: int, kind: type, channels: int) -> list[np.ndarray]:
    """Write NAME1 to NAMEn without leading zeros; what OpenCV calls BGR is another picture and as good."""
    folder.mkdir()
    made = []
    for number, rgb in enumerate(wave_images(count), 1):
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
    assert (info.pixel_format, info.color.matrix, info.duration) == (
        "yuv420p",
        1,
        pytest.approx(4 / 25),
    )
    assert frame_times(video) == [Fraction(n, 25) for n in range(4)]
    for frame, picture in zip(read_frames(video), made, strict=True):
        assert np.abs(frame.rgb[60:, :, ::-1].astype(int) - picture[60:]).mean() < 3
    turned = make_clip(tmp_path / "turned.mp4", wave_images(2), rotation=90)
    swap(turned, tmp_path / "folder")
    shown = cv2.imread(str(tmp_path / "folder" / "000001.png"), cv2.IMREAD_COLOR_RGB)
    expected = [to_upright(fill_box(f).rgb, 90) for f in read_frames(turned)][1]
    assert np.abs(shown.astype(int) - expected).mean() < 0.5


def test_pictures_of_two_sizes_and_none(tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 2, np.uint8, 3)
    cv2.imwrite(str(tmp_path / "in" / "shot%d_3.png"), wave_images(1, 64, 64)[0])
    with pytest.raises(MediaUnreadable, match=r"shot%d_3\.png is 64x64"):
        swap(tmp_path / "in", tmp_path / "out.mp4")
    (tmp_path / "in" / "shot%d_3.png").write_text("no picture")
    with pytest.raises(MediaUnreadable, match=r"shot%d_3\.png is not a picture"):
        swap(tmp_path / "in", tmp_path / "out.mp4")
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="holds no picture"):
        swap(tmp_path / "none", tmp_path / "out.mp4")


def test_a_photo_that_says_how_it_is_held(tmp_path: Path) -> None:
    jpeg = cv2.imencode(".jpg", wave_images(1)[0], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    held = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # EXIF: orientation 6
    exif = b"\xff\xe1" + (8 + len(held)).to_bytes(2, "big") + b"Exif\0\0" + held
    (tmp_path / "in.jpg").write_bytes(jpeg[:2] + exif + jpeg[2:])
    info = probe_source(tmp_path / "in.jpg")
    assert (info.width, info.height, info.rotation) == (128, 96, 270)
    shown = to_upright(next(read_source(info)).rgb, info.rotation)
    assert np.abs(shown.astype(int) - read_picture(tmp_path / "in.jpg")).mean() < 2
    out = cv2.imread(str(swap(tmp_path / "in.jpg", tmp_path / "out.png")), cv2.IMREAD_COLOR_RGB)
    assert out.shape == (128, 96, 3)


def test_a_folder_is_not_replaced_by_pictures_of_another(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "1.png").touch()
    with pytest.raises(UsageError, match="--force"):
        check_output_path(tmp_path / "mine", force=False)
    check_output_path(tmp_path / "mine", force=True)
    with pytest.raises(UsageError, match="holds the input"):
        check_output_path(tmp_path / "mine", force=True, inputs=[tmp_path / "mine"])
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(UsageError, match="other things"):
        check_output_path(tmp_path / "mine" / "shot_%d.png", force=True)


def test_gif(tmp_path: Path) -> None:
    times = [0, 70, 200, 330, 400, 900]
    clip = make_clip(tmp_path / "in.mp4", wave_images(6), pts=times)
    gif = swap(clip, tmp_path / "a.gif")
    assert frame_times(gif) == [Fraction(t, 1000) for t in times]
    for a, b in zip(read_frames(clip), read_frames(gif), strict=True):
        assert np.abs(fill_box(a).rgb.astype(int) - b.rgb).mean() < 12
    again = swap(gif, tmp_path / "b.gif")
    assert frame_times(again) == frame_times(gif)
    video = swap(gif, tmp_path / "c.mp4")
    assert frame_times(video) == frame_times(gif)
    assert probe_video(video).pixel_format == "yuv420p"
    assert "written as yuv420p" in output_warnings(video, probe_video(gif), Encoding())[0]


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_still(tmp_path: Path, ending: str) -> None:
    rgb = wave_images(1)[0]
    cv2.imwrite(str(tmp_path / "in.png"), rgb[..., ::-1])
    out = swap(tmp_path / "in.png", tmp_path / f"out.{ending}")
    shown = cv2.imread(str(out), cv2.IMREAD_COLOR_RGB)
    left, top, right, bottom = BOX
    assert (
        np.abs(shown[top + 4 : bottom - 4, left + 4 : right - 4].astype(int) - [200, 40, 60]).max()
        < 12
    )
    assert np.abs(shown[60:].astype(int) - rgb[60:]).mean() <= (0 if ending == "png" else 4)


def test_from_standard_input_to_standard_output(tmp_path: Path, sample: Path) -> None:
    clip = make_clip(
        tmp_path / "in.mkv", [f.rgb for f in read_frames(sample / "target_ada.mp4", stop=3)]
    )
    bundle = make_bundle(tmp_path / "ben.bundle")
    command = [
        sys.executable,
        "-m",
        "faceloom",
        "convert",
        "-",
        "--bundle",
        str(bundle),
        "--out",
        "-",
    ]
    done = subprocess.run(command, input=clip.read_bytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Standard input" in done.stderr
    assert b"3 of 3 frames" in done.stderr
    (tmp_path / "out.mkv").write_bytes(done.stdout)
    assert frame_times(tmp_path / "out.mkv") == frame_times(clip)
