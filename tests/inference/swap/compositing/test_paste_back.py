"""Pasting changes the face and nothing else."""

import numpy as np
import pytest
from tests.helpers.clips import wave_images

from faceloom.array_types import float32
from faceloom.faces.alignment import crop_face
from faceloom.swap.compositing.mask_refinement import erode_and_feather
from faceloom.swap.compositing.paste_back import apply_tint, paste
from faceloom.swap.compositing.remaining_skin import Tint

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


@pytest.mark.parametrize("name", MAPS)
def test_a_tint_changes_its_region_alone(name: str) -> None:
    before = np.full((160, 200, 3), 100, np.uint8)
    weight = np.zeros((SIZE, SIZE), np.uint8)
    weight[20:40, 20:40] = 255
    changed, to_crop = before.copy(), float32(MAPS[name])
    box = apply_tint(changed, Tint(weight, float32([10, -20, 0]), 100.0), to_crop)
    # The weight in pixels of the picture.
    corners = float32([[20, 20, 1], [39, 20, 1], [20, 39, 1], [39, 39, 1]])
    to_picture = np.linalg.inv(np.vstack([to_crop, [0, 0, 1]]))
    inside = (corners @ to_picture.T)[:, :2]
    middle = tuple(inside.mean(0).round().astype(int))[::-1]
    assert changed[middle].tolist() == [110, 80, 100]
    rows, columns = np.nonzero((changed != before).any(-1))
    found = columns.min(), rows.min(), columns.max(), rows.max()
    np.testing.assert_allclose(found, [*inside.min(0), *inside.max(0)], atol=3)
    assert box is not None
    assert box[0] <= found[0]
    assert box[1] <= found[1]
    assert box[2] > found[2]
    assert box[3] > found[3]


@pytest.mark.parametrize("left", [0.0, 900.0], ids=["no weight", "outside"])
def test_a_tint_without_a_region_changes_nothing(left: float) -> None:
    picture = wave_images(1, 40, 50)[0]
    before = picture.copy()
    weight = np.full((SIZE, SIZE), 255 if left else 0, np.uint8)
    tint = Tint(weight, float32([10, 10, 10]), 100.0)
    assert apply_tint(picture, tint, float32([[1, 0, left], [0, 1, left]])) is None
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(("erode", "feather"), [(0, 0), (0.05, 0), (0, 0.05), (0.03, 0.04)])
def test_a_feathered_mask_is_zero_along_the_border(erode: float, feather: float) -> None:
    soft = erode_and_feather(np.full((SIZE, SIZE), 255, np.uint8), erode, feather)
    assert max(soft[0].max(), soft[-1].max(), soft[:, 0].max(), soft[:, -1].max()) == 0
    assert soft[SIZE // 2, SIZE // 2] == 255
    assert soft.mean() < 255
