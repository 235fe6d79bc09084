"""Colors are measured on the skin that both faces show, and on the face where that is unknown."""

import numpy as np
import pytest
from tests.helpers.swapping import blend_face
from tests.helpers.synthetic_faces import made_face

from faceloom.array_types import Mask
from faceloom.choices import ColorTransfer
from faceloom.faces.alignment import IDENTITY_AFFINE
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.parsing.regions import PARSING_SIDE, Region, RegionMap
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.face_mask import FacePair
from faceloom.swap.compositing.visible_skin import visible_skin
from faceloom.swap.options import BlendSettings, SwapOptions
from faceloom.swap.pipeline.face_blending import AlignedFace, SwappedFace

COVERED = np.full((PARSING_SIDE, PARSING_SIDE), 255, np.uint8)
COVERED[:, 100:] = 0


def regions_with(columns: slice, region: Region) -> RegionMap:
    regions = np.zeros((PARSING_SIDE, PARSING_SIDE, len(Region)), np.uint8)
    regions[..., Region.SKIN] = 255
    regions[:, columns] = 0
    regions[:, columns, region] = 255
    return regions


def without(*bands: slice) -> Mask:
    mask = COVERED.copy()
    for band in bands:
        mask[:, band] = 0
    return mask


LIPS, BROWS = slice(10, 30), slice(40, 60)
MUCH, ALL_BUT_A_STRIP = slice(0, 78), slice(0, 82)
CASES = {
    "unknown regions": ({}, COVERED),
    "the target's lips": ({"target": (LIPS, Region.LIPS)}, without(LIPS)),
    "the guest's eyes": ({"predicted": (LIPS, Region.EYES)}, without(LIPS)),
    "hair of both": (
        {"target": (LIPS, Region.HAIR), "predicted": (BROWS, Region.BROWS)},
        without(LIPS, BROWS),
    ),
    "enough skin": ({"target": (MUCH, Region.OCCLUDER)}, without(MUCH)),
    "too little skin": ({"target": (ALL_BUT_A_STRIP, Region.OCCLUDER)}, COVERED),
    "no skin": ({"predicted": (slice(None), Region.HAIR)}, COVERED),
}


@pytest.mark.parametrize("case", CASES)
def test_skin_of_both_faces(case: str) -> None:
    bands, expected = CASES[case]
    parsed = {name: regions_with(*band) for name, band in bands.items()}
    pair = FacePair(outline=COVERED, learned=COVERED, **parsed)
    np.testing.assert_array_equal(visible_skin(pair, COVERED), expected)


@pytest.mark.parametrize("size", [64, 128, 200])
def test_crops_of_any_size(size: int) -> None:
    covered = np.full((size, size), 255, np.uint8)
    pair = FacePair(covered, covered, target=regions_with(slice(0, 64), Region.LIPS))
    skin = visible_skin(pair, covered)
    assert (skin[:, : size // 2 - 4].max(), skin[:, size // 2 + 4 :].min()) == (0, 255)


@pytest.mark.parametrize("color", ["lab", "rct"])
def test_blending_measures_colors_on_skin(color: ColorTransfer) -> None:
    """What the target's lips look like does not tint the pasted face."""
    pictures = [np.full((PARSING_SIDE, PARSING_SIDE, 3), 150, np.uint8) for _ in range(2)]
    pictures[1][:, LIPS] = 250, 20, 60
    results = []
    for picture in pictures:
        crop = FaceCrop(
            IDENTITY_AFFINE, IDENTITY_AFFINE, picture, np.zeros((468, 2), np.float32), COVERED
        )
        swapped = SwappedFace(
            AlignedFace(made_face(), 0, crop),
            np.full_like(picture, 120),
            COVERED,
            target_regions=regions_with(LIPS, Region.LIPS),
        )
        settings = BlendSettings.from_options(BlendRow(sharpen=0), SwapOptions(color=color))
        results.append(blend_face(swapped, settings, {}).matched)
    np.testing.assert_allclose(results[0][:, 64], 150, atol=1)
    np.testing.assert_allclose(results[1][:, 64], 150, atol=1)
