"""Strands of hair on the forehead are painted over; nothing else changes."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.runs import tiny_config

from faceloom.array_types import Mask, Points, Rgb
from faceloom.faces.landmarks import BROWS
from faceloom.faceset import FaceSet
from faceloom_train.data import dataset
from faceloom_train.data.hair_strands import paint_over_strands

pytestmark = pytest.mark.training

SIZE, HAIRLINE, BROW_ROW = 160, 40, 80
SKIN, HAIR, HAND = (200, 160, 140), (40, 30, 25), (190, 150, 128)
STRAND = (slice(HAIRLINE, 56), slice(70, 73))
BROW = (slice(BROW_ROW, 84), slice(45, 70))


def mesh() -> Points:
    """Landmarks of which only the brows have a meaning."""
    points = np.full((468, 2), 120, np.float32)
    for first, column in ((0, 45), (10, 90)):
        for index in range(10):
            points[BROWS[first + index]] = column + 2.5 * index, BROW_ROW
    return points


Crop = tuple[Rgb, Mask, Mask]


def face(covering: tuple[int, int, int] = HAIR) -> Crop:
    """A shaded face with a fringe or a hand above HAIRLINE, a strand and a brow."""
    rgb = np.broadcast_to(np.uint8(SKIN), (SIZE, SIZE, 3)) * np.linspace(0.85, 1, SIZE)[:, None]
    rgb = np.uint8(rgb)
    rgb[:HAIRLINE] = covering
    rgb[STRAND] = rgb[BROW] = HAIR
    outline = np.full((SIZE, SIZE), 255, np.uint8)
    mask = outline.copy()
    mask[:HAIRLINE] = 0
    return cv2.GaussianBlur(rgb, (0, 0), 0.7), mask, outline


def test_a_strand_gets_the_color_of_the_skin_around() -> None:
    rgb, mask, outline = face()
    painted = paint_over_strands(rgb, mask, outline, mesh())
    beside = rgb[HAIRLINE + 4 : 54, 80].astype(int)
    before, after = (picture[HAIRLINE + 4 : 54, 71].astype(int) for picture in (rgb, painted))
    assert np.abs(before - beside).min() > 60
    assert np.abs(after - beside).max() < 10
    np.testing.assert_array_equal(painted[BROW_ROW - 4 :], rgb[BROW_ROW - 4 :])
    np.testing.assert_array_equal(painted[: HAIRLINE - 4], rgb[: HAIRLINE - 4])


def test_pixels_away_from_strands_stay_as_they_are() -> None:
    rgb, mask, outline = face()
    # Many of these colors change by a level on the way to L*a*b* and back.
    rgb[100:] = np.random.default_rng(0).integers(0, 256, (SIZE - 100, SIZE, 3), np.uint8)
    painted = paint_over_strands(rgb, mask, outline, mesh())
    assert (painted[STRAND] != rgb[STRAND]).any()
    np.testing.assert_array_equal(painted[100:], rgb[100:])


def hand() -> Crop:
    return face(HAND)


def bald() -> Crop:
    rgb, mask, outline = face()
    return rgb, np.full_like(mask, 255), outline


def turned_away() -> Crop:
    rgb, mask, outline = face()
    return rgb, np.zeros_like(mask), outline


@pytest.mark.parametrize("make", [hand, bald, turned_away])
def test_without_hair_of_another_color_nothing_changes(make: Callable[[], Crop]) -> None:
    rgb, mask, outline = make()
    assert paint_over_strands(rgb, mask, outline, mesh()) is rgb


@pytest.mark.parametrize(("face_mask", "painted"), [("regions", True), ("mesh", False)])
def test_faces_with_regions_are_trained_without_strands(
    facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch, *, face_mask: str, painted: bool
) -> None:
    monkeypatch.setattr(dataset, "paint_over_strands", lambda rgb, *_: np.full_like(rgb, 7))
    config = tiny_config(face_mask=face_mask)
    faces = dataset.load_faces(FaceSet.read(facesets["ada"]), config)
    assert bool((faces.crops[..., :3] == 7).all()) == painted
