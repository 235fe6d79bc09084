"""Pictures of every kind that cameras and programs write: converted, extracted, or refused."""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from tests.helpers.clips import wave_images
from tests.helpers.fakes.swap import BOX, swap

from faceloom import image_io
from faceloom.errors import MediaUnreadable, ProviderMissing
from faceloom.image_io import read_picture
from faceloom.video import probe_source

Save = Callable[[PIL.Image.Image, Path], object]
GRAY = (90, 90, 90)
COLOR = (200, 40, 60)

# How each file is written, and the color that a swapped rectangle of COLOR has in it.
KINDS: dict[str, tuple[Save, tuple[int, int, int]]] = {
    "palette.png": (lambda image, path: image.quantize(200).save(path), COLOR),
    "four_colors.png": (lambda image, path: image.quantize(4).save(path), COLOR),
    "transparent_palette.png": (
        lambda image, path: image.quantize(60).save(path, transparency=3),
        COLOR,
    ),
    "black_and_white.png": (lambda image, path: image.convert("1").save(path), GRAY),
    "gray.png": (lambda image, path: image.convert("L").save(path), GRAY),
    "gray_alpha.png": (lambda image, path: image.convert("LA").save(path), GRAY),
    "alpha.png": (lambda image, path: image.convert("RGBA").save(path), COLOR),
    "cmyk.jpg": (lambda image, path: image.convert("CMYK").save(path, quality=95), COLOR),
    "gray.jpg": (lambda image, path: image.convert("L").save(path, quality=95), GRAY),
    "progressive.jpg": (lambda image, path: image.save(path, progressive=True), COLOR),
    "lossless.webp": (lambda image, path: image.save(path, lossless=True), COLOR),
    "lossy.webp": (lambda image, path: image.save(path, quality=95), COLOR),
    "lzw.tif": (lambda image, path: image.save(path, compression="tiff_lzw"), COLOR),
    "jpeg.tif": (lambda image, path: image.save(path, compression="jpeg", quality=95), COLOR),
    "palette.tif": (lambda image, path: image.quantize().save(path), COLOR),
    "palette.bmp": (lambda image, path: image.quantize().save(path), COLOR),
    "gray.bmp": (lambda image, path: image.convert("L").save(path), COLOR),
}


@pytest.fixture
def picture() -> PIL.Image.Image:
    """A colored picture, 128 wide and 96 high."""
    return PIL.Image.fromarray(wave_images(1)[0])


@pytest.mark.parametrize("name", KINDS)
def test_picture_is_converted_and_read(tmp_path: Path, picture: PIL.Image.Image, name: str) -> None:
    save, color = KINDS[name]
    save(picture, tmp_path / name)
    before = read_picture(tmp_path / name).astype(int)
    out = cv2.imread(str(swap(tmp_path / name, tmp_path / "out.png")), cv2.IMREAD_COLOR_RGB)
    left, top, right, bottom = BOX
    inside = out[top + 4 : bottom - 4, left + 4 : right - 4].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(inside, color, atol=2)
    assert np.abs(out.astype(int) - before)[60:].mean() < 4


def test_palette_of_a_folder_of_images(tmp_path: Path, cases: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.png").write_bytes((cases / "pal.png").read_bytes())
    swap(tmp_path / "in", tmp_path / "out")
    assert [file.name for file in sorted((tmp_path / "out").iterdir())] == [
        "0.png",
        "1.png",
        "2.png",
    ]


def test_all_tiles_of_a_heic_are_read(cases: Path, tmp_path: Path) -> None:
    photo = tmp_path / "IMG_0001.HEIC"
    photo.write_bytes((cases / "grid.heic").read_bytes())
    picture = read_picture(photo)
    assert picture.shape == (768, 1024, 3)
    assert probe_source(photo).display_size == (1024, 768)
    # No tile is missing: none of the twelve is a single color.
    assert min(tile.std() for row in np.split(picture, 3) for tile in np.split(row, 4, 1)) > 3
    out = cv2.imread(str(swap(photo, tmp_path / "out.png")), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(out[100:], picture[100:])


def test_heic_without_its_package_names_the_extra(
    cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(ProviderMissing, match=r"faceloom\[heif\]"):
        read_picture(cases / "grid.heic")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
@pytest.mark.parametrize("name", ["a.jpg", "progressive.jpg", "a.png", "a.webp", "a.tif", "a.bmp"])
def test_picture_that_is_cut_off_is_refused(
    tmp_path: Path, picture: PIL.Image.Image, name: str, share: float
) -> None:
    path = tmp_path / name
    picture.save(path, **({"progressive": True} if name == "progressive.jpg" else {}))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    for read in (read_picture, probe_source):
        with pytest.raises(MediaUnreadable, match=name):
            read(path)


@pytest.mark.parametrize("name", ["trunc_base.jpg", "grid.heic"])
def test_case_that_is_cut_off_is_refused(tmp_path: Path, cases: Path, name: str) -> None:
    data = (cases / name).read_bytes()
    (tmp_path / name).write_bytes(data if name.startswith("trunc") else data[: len(data) // 2])
    with pytest.raises(MediaUnreadable, match="copy or download it again"):
        read_picture(tmp_path / name)


def test_thumbnail_is_not_taken_for_the_end(tmp_path: Path, picture: PIL.Image.Image) -> None:
    thumbnail = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()
    exif = b"Exif\0\0" + thumbnail
    picture.save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    whole = data[:2] + segment + data[2:]
    assert image_io._jpeg_has_end(whole)
    assert not image_io._jpeg_has_end(whole[: int(0.7 * len(whole))])


def test_mirrored_photo_is_shown_as_a_viewer_shows_it(cases: Path, tmp_path: Path) -> None:
    picture = read_picture(cases / "exif2.jpg")
    out = cv2.imread(str(swap(cases / "exif2.jpg", tmp_path / "out.png")), cv2.IMREAD_COLOR_RGB)
    assert np.abs(out.astype(int) - picture)[60:].mean() < 2
