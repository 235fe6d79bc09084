"""Masks of regions, and the shipped parser on a rendered face and on pictures without one."""

from pathlib import Path

import numpy as np
import pytest

from faceloom.array_types import Rgb
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.regions import (
    FACE_REGIONS,
    PARSING_SIDE,
    Region,
    regions_are_plausible,
    share_of_mask,
    steepened,
    visible_mask,
)
from faceloom.video import read_frames

# Frame of the sample's clip that is looked at.
FRAME = 10

FULL = np.full((PARSING_SIDE, PARSING_SIDE), 255, np.uint8)


@pytest.fixture(scope="module")
def parser() -> FaceParser:
    return FaceParser(threads=1)


@pytest.fixture(scope="module")
def ada_frame(sample: Path) -> Rgb:
    return next(f.rgb for f in read_frames(sample / "train_ada.mp4") if f.index == FRAME)


def halves(left: Region, right: Region) -> np.ndarray:
    regions = np.zeros((PARSING_SIDE, PARSING_SIDE, len(Region)), np.uint8)
    regions[:, :64, left] = regions[:, 64:, right] = 255
    return regions


def test_shares_count_inside_the_mask_alone() -> None:
    regions, left = halves(Region.OCCLUDER, Region.SKIN), FULL.copy()
    left[:, 96:] = 0
    assert share_of_mask(regions, (Region.OCCLUDER,), FULL) == 0.5
    assert share_of_mask(regions, (Region.OCCLUDER,), left) == pytest.approx(2 / 3)
    assert share_of_mask(regions, FACE_REGIONS, FULL * 0) == 0


@pytest.mark.parametrize("region", Region)
def test_the_visible_mask_has_the_face_and_its_glasses(region: Region) -> None:
    mask = visible_mask(FULL, halves(region, Region.SKIN))
    shown = region in {*FACE_REGIONS, Region.GLASSES}
    assert (mask[:, :62] == (255 if shown else 0)).all()
    assert (mask[:, 66:] == 255).all()


def test_a_steepened_mask_keeps_its_middle_and_decides_the_rest() -> None:
    levels = steepened(np.array([[0, 60, 127, 128, 200, 255]], np.uint8))
    assert levels.tolist()[0][:2] == [0, 0]
    assert levels.tolist()[0][4:] == [255, 255]
    assert abs(int(levels[0, 2]) - 127) <= 2


@pytest.mark.parametrize(
    ("region", "plausible"), [(Region.BACKGROUND, False), (Region.OCCLUDER, True)]
)
def test_a_face_that_is_background_was_not_seen(region: Region, *, plausible: bool) -> None:
    assert regions_are_plausible(halves(region, region), FULL) == plausible


def test_the_parser_sees_a_rendered_face(parser: FaceParser, ada_frame: Rgb) -> None:
    faces, *_ = FaceFinder(threads=1).find([ada_frame])
    crop = FaceCrop.from_image(ada_frame, faces[0], CropGeometry(size=160, coverage=1.0))
    (regions,) = parser.parse([crop.rgb])
    assert regions_are_plausible(regions, crop.mask)
    assert share_of_mask(regions, FACE_REGIONS, crop.mask) > 0.8
    for region in (Region.EYES, Region.LIPS, Region.HAIR):
        assert (regions[..., region] > 127).any(), region.name


@pytest.mark.parametrize("side", [1, 8, 32, 300])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_any_picture_is_parsed(parser: FaceParser, side: int, level: int) -> None:
    (regions,) = parser.parse([np.full((side, side, 3), level, np.uint8)])
    assert regions.shape == (PARSING_SIDE, PARSING_SIDE, len(Region))
    np.testing.assert_allclose(regions.sum(-1, dtype=int), 255, atol=len(Region))


def test_a_crop_s_regions_do_not_depend_on_its_batch(parser: FaceParser, ada_frame: Rgb) -> None:
    crops = [np.ascontiguousarray(ada_frame[:200, x : x + 200]) for x in (0, 60, 120)]
    together = parser.parse(crops)
    assert len(parser.parse([])) == 0
    for crop, regions in zip(crops, together, strict=True):
        np.testing.assert_array_equal(parser.parse([crop])[0], regions)
