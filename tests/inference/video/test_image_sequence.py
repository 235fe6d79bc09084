"""Folders of images, single images, GIFs, standard input and standard output."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.fakes.swap import BOX, fill_box, frame_times, swap

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.image_io import read_picture
from faceloom.video import (
    Encoding,
    check_output_path,
    output_warnings,
    probe_source,
    probe_video,
    read_frames,
    read_source,
)
from faceloom.video.orientation import Orientation


def write_images(folder: Path, count: int, dtype: type, channels: int) -> list[np.ndarray]:
    """Write `shot%d_1.png` and so on, without leading zeros; return the images as BGR(A)."""
    folder.mkdir()
    images = []
    for number, bgr in enumerate(wave_images(count), 1):
        image = bgr.astype(dtype) * (257 if dtype is np.uint16 else 1)
        if channels == 4:
            alpha = np.full_like(image[..., :1], 5)
            alpha[:48] = np.iinfo(dtype).max
            image = np.concatenate([image, alpha], -1)
        cv2.imwrite(str(folder / f"shot%d_{number}.png"), image)
        images.append(image)
    return images


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("out", ["out", "out/shot_%03d.png"])
def test_images_to_images_keep_names_alpha_and_bit_depth(
    tmp_path: Path, dtype: type, channels: int, out: str
) -> None:
    images = write_images(tmp_path / "in", 11, dtype, channels)
    swap(tmp_path / "in", tmp_path / out)
    left, top, right, bottom = BOX
    for index, before in enumerate(images):
        name = f"shot%d_{index + 1}.png" if out == "out" else f"shot_{index:03d}.png"
        after = cv2.imread(str(tmp_path / "out" / name), cv2.IMREAD_UNCHANGED)
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        scale = 257 if dtype is np.uint16 else 1
        assert (after[top:bottom, left:right, :3] == np.array([60, 40, 200]) * scale).all()
        after[top:bottom, left:right, :3] = before[top:bottom, left:right, :3]
        assert np.array_equal(after, before)
    assert len(list((tmp_path / "out").iterdir())) == 11


def test_images_to_a_video(tmp_path: Path) -> None:
    images = write_images(tmp_path / "in", 4, np.uint8, 3)
    video = swap(tmp_path / "in", tmp_path / "out.mp4")
    info = probe_video(video)
    assert (info.pixel_format, info.color.matrix, info.duration) == (
        "yuv420p",
        1,
        pytest.approx(4 / 25),
    )
    assert frame_times(video) == [Fraction(n, 25) for n in range(4)]
    for frame, image in zip(read_frames(video), images, strict=True):
        assert np.abs(frame.rgb[60:, :, ::-1].astype(int) - image[60:]).mean() < 3.5


def test_rotated_video_to_upright_images(tmp_path: Path) -> None:
    rotated = make_clip(tmp_path / "rotated.mp4", wave_images(2), rotation=90)
    swap(rotated, tmp_path / "folder")
    image = cv2.imread(str(tmp_path / "folder" / "000001.png"), cv2.IMREAD_COLOR_RGB)
    expected = [Orientation(90).to_upright(fill_box(f).rgb) for f in read_frames(rotated)][1]
    assert np.abs(image.astype(int) - expected).mean() < 0.5


def test_folders_with_invalid_images_or_none_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "in", 2, np.uint8, 3)
    cv2.imwrite(str(tmp_path / "in" / "shot%d_3.png"), wave_images(1, 64, 64)[0])
    with pytest.raises(MediaUnreadable, match=r"shot%d_3\.png is 64x64"):
        swap(tmp_path / "in", tmp_path / "out.mp4")
    (tmp_path / "in" / "shot%d_3.png").write_text("not an image")
    with pytest.raises(MediaUnreadable, match=r"shot%d_3\.png is not an image"):
        swap(tmp_path / "in", tmp_path / "out.mp4")
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="has no image"):
        swap(tmp_path / "none", tmp_path / "out.mp4")


def test_exif_orientation_of_a_photo_is_applied(tmp_path: Path) -> None:
    jpeg = cv2.imencode(".jpg", wave_images(1)[0], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    # A TIFF header with one entry: orientation 6.
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"\xff\xe1" + (8 + len(tiff)).to_bytes(2, "big") + b"Exif\0\0" + tiff
    (tmp_path / "in.jpg").write_bytes(jpeg[:2] + exif + jpeg[2:])
    info = probe_source(tmp_path / "in.jpg")
    assert (info.width, info.height, info.orientation) == (128, 96, Orientation(270))
    upright = info.orientation.to_upright(next(read_source(info)).rgb)
    assert np.abs(upright.astype(int) - read_picture(tmp_path / "in.jpg")).mean() < 2
    out = cv2.imread(str(swap(tmp_path / "in.jpg", tmp_path / "out.png")), cv2.IMREAD_COLOR_RGB)
    assert out.shape == (128, 96, 3)


def test_existing_folder_is_replaced_only_with_force_and_if_it_has_only_pngs(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "1.png").touch()
    with pytest.raises(UsageError, match="--force"):
        check_output_path(tmp_path / "mine", force=False)
    check_output_path(tmp_path / "mine", force=True)
    with pytest.raises(UsageError, match="contains the input"):
        check_output_path(tmp_path / "mine", force=True, inputs=[tmp_path / "mine"])
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(UsageError, match="files other than PNGs"):
        check_output_path(tmp_path / "mine" / "shot_%d.png", force=True)


def test_gif_keeps_times_and_colors(tmp_path: Path) -> None:
    times = [0, 70, 200, 330, 400, 900]
    clip = make_clip(tmp_path / "in.mp4", wave_images(6), pts=times)
    gif = swap(clip, tmp_path / "a.gif")
    assert frame_times(gif) == [Fraction(t, 1000) for t in times]
    for a, b in zip(read_frames(clip), read_frames(gif), strict=True):
        assert np.abs(fill_box(a).rgb.astype(int) - b.rgb).mean() < 12
    second_gif = swap(gif, tmp_path / "b.gif")
    assert frame_times(second_gif) == frame_times(gif)
    video = swap(gif, tmp_path / "c.mp4")
    assert frame_times(video) == frame_times(gif)
    assert probe_video(video).pixel_format == "yuv420p"
    assert "written as yuv420p" in output_warnings(video, probe_video(gif), Encoding())[0]


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_one_image_to_one_image(tmp_path: Path, extension: str) -> None:
    rgb = wave_images(1)[0]
    cv2.imwrite(str(tmp_path / "in.png"), rgb[..., ::-1])
    out = swap(tmp_path / "in.png", tmp_path / f"out.{extension}")
    result = cv2.imread(str(out), cv2.IMREAD_COLOR_RGB).astype(int)
    left, top, right, bottom = BOX
    inside = result[top + 4 : bottom - 4, left + 4 : right - 4]
    assert np.abs(inside - [200, 40, 60]).max() < 12
    assert np.abs(result[60:] - rgb[60:]).mean() <= (0 if extension == "png" else 4)


@pytest.mark.process
def test_standard_input_to_standard_output(tmp_path: Path, sample: Path) -> None:
    clip = make_clip(
        tmp_path / "in.mkv", [f.rgb for f in read_frames(sample / "target_ada.mp4", stop=3)]
    )
    bundle = make_bundle(tmp_path / "ben.bundle")
    command = [sys.executable, "-m", "faceloom", "convert", "-", "--out", "-"]
    done = subprocess.run(
        [*command, "--bundle", str(bundle)],
        input=clip.read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Standard input" in done.stderr
    assert b"3 of 3 frames" in done.stderr
    (tmp_path / "out.mkv").write_bytes(done.stdout)
    assert frame_times(tmp_path / "out.mkv") == frame_times(clip)
