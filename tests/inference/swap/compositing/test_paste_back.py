"""Pasting changes the face and nothing else."""

import numpy as np
import pytest
from tests.helpers.clips import wave_images

from faceloom.array_types import float32
from faceloom.faces.alignment import crop_face
from faceloom.swap.compositing.mask_refinement import erode_and_feather
from faceloom.swap.compositing.paste_back import paste

SIZE = 64
MAPS = {
    "upright": [[0.5, 0, -10], [0, 0.5, -5]],
    "turned": [[0.4, -0.3, 20], [0.3, 0.4, -25]],
    "enlarged": [[2, 0, -60], [0, 2, -40]],
    "over the edge": [[0.5, 0, 20], [0, 0.5, 20]],
}


@pytest.mark.parametrize("name", MAPS)
def test_pasting_a_picture_s_own_crop_hardly_changes_it(name: str) -> None:
    picture = wave_images(1, 160, 200)[0]
    to_crop = float32(MAPS[name])
    crop = crop_face(picture, to_crop, SIZE)
    pasted = picture.copy()
    paste(pasted, crop, erode_and_feather(np.full((SIZE, SIZE), 255, np.uint8), 0.0, 0.05), to_crop)
    assert np.abs(pasted.astype(int) - picture).mean() < 1.5


def test_only_the_masked_region_changes() -> None:
    picture = wave_images(1, 160, 200)[0]
    to_crop = float32(MAPS["upright"])
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[20:40, 20:40] = 255
    pasted = picture.copy()
    paste(pasted, np.zeros((SIZE, SIZE, 3), np.uint8), mask, to_crop)
    rows, columns = np.nonzero((pasted != picture).any(-1))
    # Crop pixels 20..39 lie at (20 + 10) / 0.5 = 60 .. 100 across and 50 .. 90 down.
    assert 57 <= columns.min() <= 61
    assert 97 <= columns.max() <= 102
    assert 47 <= rows.min() <= 51
    assert 87 <= rows.max() <= 92
    assert (pasted[60:80, 70:90] == 0).all()


def test_a_crop_larger_than_its_face_is_averaged() -> None:
    picture = np.full((100, 100, 3), 90, np.uint8)
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 255
    paste(
        picture,
        stripes,
        np.full((64, 64), 255, np.uint8),
        float32([[5.3, 0, -200], [0, 5.3, -200]]),
    )
    inside = picture[41:48, 41:48]
    assert inside.std() < 12
    assert abs(inside.mean() - 127) < 6


def test_a_face_outside_the_picture_changes_nothing() -> None:
    picture = wave_images(1, 40, 50)[0]
    before = picture.copy()
    paste(
        picture,
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.full((SIZE, SIZE), 255, np.uint8),
        float32([[1, 0, 900], [0, 1, 900]]),
    )
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(("erode", "feather"), [(0, 0), (0.05, 0), (0, 0.05), (0.03, 0.04)])
def test_a_feathered_mask_is_zero_along_the_border(erode: float, feather: float) -> None:
    soft = erode_and_feather(np.full((SIZE, SIZE), 255, np.uint8), erode, feather)
    assert max(soft[0].max(), soft[-1].max(), soft[:, 0].max(), soft[:, -1].max()) == 0
    assert soft[SIZE // 2, SIZE // 2] == 255
    assert soft.mean() < 255
