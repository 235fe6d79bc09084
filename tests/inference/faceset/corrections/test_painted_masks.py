"""What a person painted corrects the regions that the network sees."""

import numpy as np
import pytest

from faceloom.faces.parsing.regions import Region, RegionMap, visible_mask
from faceloom.faceset.corrections.painted_masks import paint_regions
from faceloom.faceset.parsing.region_shares import RegionShares

SIDE = 128
MESH_MASK = np.full((SIDE, SIDE), 255, np.uint8)
MESH = np.full((468, 2), 64, np.float32)
LEFT = np.where(np.arange(SIDE) < SIDE // 2, 255, 0)[None].repeat(SIDE, 0).astype(np.uint8)
ALL, NONE = np.full_like(LEFT, 255), np.zeros_like(LEFT)


def regions_of(region: Region) -> RegionMap:
    regions = np.zeros((SIDE, SIDE, len(Region)), np.uint8)
    regions[..., region] = 255
    return regions


CASES = {
    "hair that the person calls face": (regions_of(Region.HAIR), ALL, Region.SKIN, Region.SKIN),
    "a hand that the network took for skin": (
        regions_of(Region.SKIN), LEFT, Region.SKIN, Region.OCCLUDER
    ),
    "lips stay lips": (regions_of(Region.LIPS), ALL, Region.LIPS, Region.LIPS),
    "hair stays hair": (regions_of(Region.HAIR), NONE, Region.HAIR, Region.HAIR),
    "glasses count as visible": (
        regions_of(Region.GLASSES), LEFT, Region.GLASSES, Region.OCCLUDER
    ),
    "a face that the network did not see": (None, LEFT, Region.SKIN, Region.OCCLUDER),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_regions_follow_the_painted_mask(name: str) -> None:
    regions, painted, left, right = CASES[name]
    before = None if regions is None else regions.copy()
    corrected = paint_regions(regions, painted)
    assert (corrected[:, :64].argmax(-1) == left).all()
    assert (corrected[:, 64:].argmax(-1) == right).all()
    np.testing.assert_array_equal(visible_mask(MESH_MASK, corrected), painted)
    if regions is not None:
        np.testing.assert_array_equal(regions, before)


def test_shares_follow_the_painted_mask() -> None:
    corrected = paint_regions(regions_of(Region.SKIN), LEFT)
    assert RegionShares.of(corrected, MESH_MASK, MESH).occluded == pytest.approx(0.5, abs=0.02)
