"""Thumbnails show the middle of a crop and are kept up to a number of bytes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from faceloom.errors import MediaUnreadable, UsageError
from faceloom.image_io import encode_picture
from faceloom.studio.faces import thumbnails
from faceloom.studio.faces.thumbnails import THUMBNAIL_SIDE, ThumbnailCache, make_thumbnail


def write_crop(path: Path, side: int, seed: int = 0) -> Path:
    """A gray crop with a blue middle half and a red border of an eighth."""
    picture = np.full((side, side, 3), 128, np.uint8)
    border, quarter = side // 8 - 1, side // 4
    picture[:border] = picture[-border:] = picture[:, :border] = picture[:, -border:] = (255, 0, 0)
    picture[quarter:-quarter, quarter:-quarter] = (0, 0, 255 - seed)
    path.write_bytes(encode_picture(picture, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, 95)))
    return path


@pytest.mark.parametrize("side", [64, 256, 342, 512, 1024])
def test_a_thumbnail_shows_the_middle(tmp_path: Path, side: int) -> None:
    data = make_thumbnail(write_crop(tmp_path / "crop.jpg", side))
    rgb = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert rgb is not None
    assert rgb.shape == (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3)
    middle, corner = rgb[40:-40, 40:-40].mean((0, 1)), rgb[3:18, 3:18].mean((0, 1))
    assert middle == pytest.approx([0, 0, 255], abs=8)
    assert corner == pytest.approx([128, 128, 128], abs=12)


def test_a_thumbnail_is_made_once_until_the_crop_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make(crop: Path) -> bytes:
        made.append(crop)
        return make_thumbnail(crop)

    monkeypatch.setattr(thumbnails, "make_thumbnail", make)
    crop, cache = write_crop(tmp_path / "crop.jpg", 64), ThumbnailCache()
    first = cache.get(crop)
    assert cache.get(crop) == first
    assert len(made) == 1
    write_crop(crop, 512, seed=100)
    assert cache.get(crop) != first
    assert len(made) == 2


def test_the_oldest_thumbnails_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(crop: Path) -> bytes:
        made.append(crop.stem)
        return bytes(10)

    monkeypatch.setattr(thumbnails, "make_thumbnail", make)
    crops = [write_crop(tmp_path / f"{n}.jpg", 64) for n in range(3)]
    cache = ThumbnailCache(max_bytes=20)
    for number in (0, 1, 0, 2, 0, 1):
        cache.get(crops[number])
    assert made == ["0", "1", "2", "1"]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut off"])
def test_a_damaged_crop_is_refused(tmp_path: Path, content: bytes) -> None:
    crop = tmp_path / "crop.jpg"
    crop.write_bytes(content)
    with pytest.raises(MediaUnreadable, match=r"crop\.jpg"):
        ThumbnailCache().get(crop)


def test_a_missing_crop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        ThumbnailCache().get(tmp_path / "crop.jpg")
