"""The paste mask leaves out hair of either face and keeps what stands before the target's."""

import numpy as np
import pytest

from faceloom.array_types import Mask
from faceloom.choices import GlassesChoice, MaskKind
from faceloom.faces.parsing.regions import PARSING_SIDE, Region, RegionMap
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.face_mask import FacePair, paste_mask
from faceloom.swap.options import BlendSettings, SwapOptions

SIZE = PARSING_SIDE
# Columns at which a band of the target, and another of the prediction, is something else than skin.
TARGET_BAND, PREDICTED_BAND = slice(40, 56), slice(72, 88)


def block(first: int, last: int) -> Mask:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[20:108, first:last] = 255
    return mask


def skin_with(band: slice, region: Region, probability: int = 255) -> RegionMap:
    regions = np.zeros((SIZE, SIZE, len(Region)), np.uint8)
    regions[..., Region.SKIN] = 255
    regions[:, band, Region.SKIN] = 255 - probability
    regions[:, band, region] = probability
    return regions


def settings(
    mask: MaskKind = "regions", glasses: GlassesChoice = "auto", soften: float = 0.0
) -> BlendSettings:
    return BlendSettings.from_options(
        BlendRow(erode=soften, feather=soften), SwapOptions(mask=mask, glasses=glasses)
    )


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [("learned", 10, 100), ("mesh", 20, 110), ("both", 20, 100), ("regions", 20, 100)],
)
def test_the_mask_without_regions(kind: MaskKind, first: int, last: int) -> None:
    pair = FacePair(outline=block(20, 110), learned=block(10, 100))
    mask = paste_mask(pair, settings(kind), {})
    np.testing.assert_array_equal(mask.covered, block(first, last))
    np.testing.assert_array_equal(mask.blended, block(first, last))


# What a band of the target or of the prediction shows, the option --glasses, and whether the
# prediction is pasted there.
BANDS = {
    "the target's fringe stays": ("target", Region.HAIR, "auto", False),
    "a hand stays": ("target", Region.OCCLUDER, "auto", False),
    "a scarf stays": ("target", Region.CLOTH, "auto", False),
    "the target's lips are replaced": ("target", Region.LIPS, "auto", True),
    "the guest's hair is left out": ("predicted", Region.HAIR, "auto", False),
    "a predicted hand is left out": ("predicted", Region.OCCLUDER, "auto", False),
    "the target's glasses stay": ("target", Region.GLASSES, "auto", False),
    "the target's glasses stay on request": ("target", Region.GLASSES, "target", False),
    "the target's glasses are painted over": ("target", Region.GLASSES, "guest", True),
    "the guest's glasses are shown": ("predicted", Region.GLASSES, "auto", True),
    "the guest's glasses are shown on request": ("predicted", Region.GLASSES, "guest", True),
    "the guest's glasses are left out": ("predicted", Region.GLASSES, "target", False),
}


@pytest.mark.parametrize(("face", "region", "glasses", "pasted"), BANDS.values(), ids=BANDS)
def test_what_is_pasted_over(
    face: str, region: Region, glasses: GlassesChoice, *, pasted: bool
) -> None:
    band = TARGET_BAND if face == "target" else PREDICTED_BAND
    regions = {
        "target": skin_with(slice(0), Region.HAIR),
        "predicted": skin_with(slice(0), Region.HAIR),
    }
    regions[face] = skin_with(band, region)
    pair = FacePair(block(10, 118), block(10, 118), **regions)
    mask = paste_mask(pair, settings(glasses=glasses), {})
    expected = block(10, 118)
    if not pasted:
        expected[:, band] = 0
    np.testing.assert_array_equal(mask.blended, expected)
    np.testing.assert_array_equal(mask.covered, expected)


def test_the_edge_is_sharp_toward_hair_and_soft_toward_skin() -> None:
    fringe = skin_with(slice(0, 56), Region.HAIR)
    mask = paste_mask(FacePair(block(10, 118), block(10, 118), fringe), settings(soften=0.03), {})
    row = mask.blended[64]
    assert row[55] == 0
    assert row[57] == 255
    soft = np.nonzero((row > 10) & (row < 245))[0]
    assert len(soft) >= 5
    assert soft.min() > 100


@pytest.mark.parametrize("region", [Region.BROWS, Region.EYES])
def test_the_targets_features_do_not_show_through_the_soft_edge(region: Region) -> None:
    outline = block(10, 118)
    band = slice(10, 22)
    features, skin = skin_with(slice(0), region), skin_with(slice(0), Region.HAIR)
    features[60:66, band, region], features[60:66, band, Region.SKIN] = 255, 0
    soft, covering = (
        paste_mask(FacePair(outline, outline, target), settings(soften=0.03), {}).blended
        for target in (skin, features)
    )
    assert soft[63, 10:14].max() < 120
    assert covering[63, band].min() > 240
    # Nothing is pasted outside the predicted face, and the rest of the edge stays as it is.
    np.testing.assert_array_equal(covering[:, :10], soft[:, :10])
    np.testing.assert_array_equal(covering[80:], soft[80:])


@pytest.mark.parametrize(
    ("probability", "weight"), [(40, 255), (128, 127), (210, 0)], ids=["skin", "doubtful", "hair"]
)
def test_only_doubtful_pixels_are_mixed(probability: int, weight: int) -> None:
    target = skin_with(TARGET_BAND, Region.HAIR, probability)
    mask = paste_mask(FacePair(block(10, 118), block(10, 118), target), settings(), {})
    assert mask.blended[64, 48] == pytest.approx(weight, abs=2)


def test_a_hand_is_followed_without_delay_and_a_hairline_does_not_flicker() -> None:
    random, state = np.random.default_rng(0), {}
    edge = []
    for first in range(60, 90):
        target = skin_with(slice(first, first + 12), Region.OCCLUDER)
        target[:, 30, Region.HAIR] = random.integers(100, 156)
        target[:, 30, Region.SKIN] = 255 - target[0, 30, Region.HAIR]
        blended = paste_mask(FacePair(block(10, 118), block(10, 118), target), settings(), state)
        assert (blended.blended[64, first : first + 12] == 0).all()
        assert blended.blended[64, first - 2] == 255
        edge.append((int(target[0, 30, Region.SKIN]) - 64) * 2)
        edge.append(int(blended.blended[64, 30]))
    measured, smoothed = np.array(edge[0::2]), np.array(edge[1::2])
    assert np.abs(np.diff(smoothed)).mean() < 0.7 * np.abs(np.diff(measured)).mean()


@pytest.mark.parametrize(("width", "pasted"), [(1, True), (4, False)], ids=["a brow", "glasses"])
def test_a_line_that_looks_like_glasses_is_not_believed(width: int, *, pasted: bool) -> None:
    target = skin_with(slice(60, 60 + width), Region.GLASSES)
    mask = paste_mask(FacePair(block(10, 118), block(10, 118), target), settings(), {})
    assert (mask.blended[64, 60] == 255) == pasted


def test_glasses_do_not_flicker_when_a_frame_misses_them() -> None:
    state: dict = {}
    pair = FacePair(block(10, 118), block(10, 118), skin_with(TARGET_BAND, Region.GLASSES))
    paste_mask(pair, settings(), state)
    thin = FacePair(block(10, 118), block(10, 118), skin_with(slice(60, 61), Region.GLASSES))
    assert paste_mask(thin, settings(), state).blended[64, 60] == 0
