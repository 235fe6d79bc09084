"""The target's own forehead leads over to the pasted face; nothing else of it changes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.helpers.swapping import blend_face
from tests.helpers.synthetic_faces import made_face

from faceloom.array_types import Mask, Rgb, to_uint8
from faceloom.choices import ColorTransfer, MaskKind
from faceloom.faces.alignment import IDENTITY_AFFINE
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.parsing.regions import PARSING_SIDE, Region, RegionMap
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.face_mask import FacePair, PasteMask, paste_mask
from faceloom.swap.compositing.paste_back import apply_tint
from faceloom.swap.compositing.remaining_skin import Tint, lead_over
from faceloom.swap.compositing.visible_skin import visible_skin
from faceloom.swap.options import BlendSettings, SwapOptions
from faceloom.swap.pipeline.face_blending import AlignedFace, SwappedFace
from faceloom.swap.selection.track_state import TrackArrays

SIZE = PARSING_SIDE
SETTINGS = BlendSettings.from_options(BlendRow(sharpen=0), SwapOptions(color="none"))
# The rows at which the mesh mask and the pasted face begin, and at which both end.
TOP, FRINGE, CHIN = 16, 56, 112
SKIN = (150, 110, 90)
# What the guest's skin adds.
ADDED = (20, 10, -30)


def oval(first: int, last: int = CHIN) -> Mask:
    """Return an oval's rows from the first to the last one."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(mask, ((SIZE / 2, (TOP + CHIN) / 2), (72, CHIN - TOP), 0), 255, -1)
    mask[:first] = mask[last:] = 0
    return mask


def skin_map(
    region: Region = Region.HAIR, rows: slice = slice(0), columns: slice = slice(None)
) -> RegionMap:
    """Return skin in the whole crop, but for a part."""
    regions = np.zeros((SIZE, SIZE, len(Region)), np.uint8)
    regions[..., Region.SKIN] = 255
    regions[rows, columns, Region.SKIN] = 0
    regions[rows, columns, region] = 255
    return regions


def picture(*color: float) -> Rgb:
    grain = np.random.default_rng(0).normal(0, 3, (SIZE, SIZE, 3))
    return to_uint8(np.clip(np.float64(color) + grain, 0, 255))


TARGET = picture(*SKIN)
PASTED = picture(*np.add(SKIN, ADDED))
PAIR = FacePair(oval(TOP), oval(FRINGE), skin_map())


def find(
    pair: FacePair = PAIR,
    pasted: Rgb = PASTED,
    target: Rgb = TARGET,
    state: TrackArrays | None = None,
) -> Tint | None:
    mask: PasteMask = paste_mask(pair, SETTINGS, {})
    skin = visible_skin(pair, mask.covered)
    return lead_over(pair, mask, skin, lambda: pasted, target, {} if state is None else state)


def tinted(target: Rgb, tint: Tint) -> Rgb:
    changed = target.copy()
    apply_tint(changed, tint, IDENTITY_AFFINE)
    return changed


@pytest.mark.parametrize("predicted", [None, skin_map(Region.HAIR, slice(0, FRINGE))])
def test_the_forehead_gets_the_color_beside_it_and_keeps_its_own_far_away(
    predicted: RegionMap | None,
) -> None:
    tint = find(replace(PAIR, predicted=predicted))
    assert tint is not None
    np.testing.assert_allclose(tint.added, ADDED, atol=1.5)
    change = tinted(TARGET, tint).astype(int) - TARGET
    column = change[:, SIZE // 2 - 8 : SIZE // 2 + 8].mean(1)
    # The pasted face hides the rows from its feathered edge on.
    np.testing.assert_allclose(column[FRINGE - 4 : FRINGE + 6], [ADDED] * 10, atol=4)
    np.testing.assert_allclose(column[FRINGE - 13], np.multiply(ADDED, 0.5), atol=4)
    assert not change[: FRINGE - 27].any()
    assert np.abs(np.diff(column[:FRINGE, 0])).max() < 3
    # Where the outline of both faces is the same, the feathered edge is enough.
    assert not change[FRINGE + 28 :].any()
    # Skin beyond the outline, such as a bald head, meets no edge.
    beyond = cv2.dilate(oval(TOP), np.ones((17, 17), np.uint8)) == 0
    assert not change[beyond].any()
    assert np.abs(change[oval(TOP) == 0]).max() < 0.3 * np.abs(ADDED).max()


# Rows and columns of the target's forehead that show something else.
OTHER = slice(FRINGE - 12, FRINGE - 2), slice(60, 72)
UNCHANGED = {
    "regions unknown": {"pair": FacePair(oval(TOP), oval(FRINGE))},
    "the guest's face as tall": {"pair": FacePair(oval(TOP), oval(TOP), skin_map())},
    "a hairline a little lower": {"pair": FacePair(oval(TOP), oval(TOP + 7), skin_map())},
    "the target's fringe": {
        "pair": FacePair(oval(TOP), oval(FRINGE), skin_map(Region.HAIR, slice(0, FRINGE)))
    },
    "a hand before the forehead": {
        "pair": FacePair(oval(TOP), oval(FRINGE), skin_map(Region.OCCLUDER, slice(0, FRINGE)))
    },
    "the same color": {"pasted": TARGET},
    "no pasted skin beside it": {"pair": FacePair(oval(TOP), oval(CHIN), skin_map())},
    "hair in the prediction beside it": {
        "pair": FacePair(
            oval(TOP), oval(FRINGE), skin_map(), skin_map(Region.BROWS, slice(FRINGE, FRINGE + 20))
        )
    },
}


@pytest.mark.parametrize("arguments", UNCHANGED.values(), ids=UNCHANGED)
def test_no_change_without_a_border_of_skin_in_another_color(arguments: dict) -> None:
    assert find(**arguments) is None


@pytest.mark.parametrize("color", ["none", "lab", "rct", "histogram"])
@pytest.mark.parametrize("sharpen", [0.0, 0.8])
def test_the_target_s_own_face_pasted_in_its_place_changes_nothing_beside_it(
    color: ColorTransfer, sharpen: float
) -> None:
    crop = FaceCrop(
        IDENTITY_AFFINE, IDENTITY_AFFINE, TARGET, np.zeros((468, 2), np.float32), oval(TOP)
    )
    swapped = SwappedFace(AlignedFace(made_face(), 0, crop), TARGET, oval(FRINGE), skin_map())
    settings = replace(SETTINGS, color=color, sharpen=sharpen)
    assert blend_face(swapped, settings, {}).tint is None


@pytest.mark.parametrize(
    ("region", "changed"),
    [
        (Region.HAIR, False),
        (Region.OCCLUDER, False),
        (Region.GLASSES, False),
        (Region.CLOTH, False),
        (Region.BACKGROUND, False),
        (Region.EYES, False),
        (Region.BROWS, True),
        (Region.LIPS, True),
    ],
)
def test_skin_changes_with_brows_and_lips(region: Region, *, changed: bool) -> None:
    tint = find(replace(PAIR, target=skin_map(region, *OTHER)))
    assert tint is not None
    change = np.abs(tinted(TARGET, tint).astype(int) - TARGET)
    assert bool(change[OTHER].any()) == changed
    assert change[FRINGE].any()


def test_black_stays_black_and_dark_skin_changes_less() -> None:
    tint = find()
    assert tint is not None
    row = tint.weight[FRINGE, SIZE // 2]
    shades = np.float64([0, 0.25, 0.5, 1, 1.3])
    line = to_uint8(np.multiply.outer(shades, SKIN))
    target = np.repeat(line[None, :, None], 2, 2).reshape(1, -1, 3).repeat(SIZE, 0)
    flat = replace(tint, weight=np.full(target.shape[:2], row, np.uint8))
    change = tinted(target, flat)[0, ::2].astype(int) - line
    expected = np.multiply.outer(np.minimum(shades, 1), ADDED)
    np.testing.assert_allclose(change, expected, atol=2)


def test_features_and_shading_of_both_faces_do_not_tint_the_forehead() -> None:
    """Shading is in the same place in both; brows that are not count as outliers."""
    rows = np.linspace(1.2, 0.6, SIZE)[:, None, None]
    target, pasted = (to_uint8(np.clip(face * rows, 0, 255)) for face in (TARGET, PASTED))
    pasted[FRINGE + 6 : FRINGE + 10, 40:88] = 30, 20, 20
    tint = find(pasted=pasted, target=target)
    assert tint is not None
    np.testing.assert_allclose(tint.added, np.multiply(ADDED, rows[FRINGE + 10, 0]), atol=3)


@pytest.mark.parametrize("size", [64, 200, 256])
def test_crops_of_any_size(size: int) -> None:
    masks = [cv2.resize(mask, (size, size)) for mask in (PAIR.outline, PAIR.learned)]
    faces = [cv2.resize(face, (size, size)) for face in (PASTED, TARGET)]
    tint, expected = find(FacePair(*masks, skin_map()), *faces), find()
    assert tint is not None
    assert expected is not None
    np.testing.assert_allclose(tint.added, ADDED, atol=2)
    weights = [cv2.resize(found.weight, (32, 32)) for found in (tint, expected)]
    assert np.abs(np.subtract(*weights, dtype=float)).mean() < 6


def test_the_tint_does_not_flicker_with_the_prediction() -> None:
    state: TrackArrays = {}
    shifts = np.random.default_rng(1).normal(0, 1.2, 60).round()
    added = []
    for shift in shifts:
        tint = find(pasted=to_uint8(PASTED + shift), state=state)
        assert tint is not None
        added.append(tint.added[0])
    assert np.abs(np.diff(added)).mean() < 0.5 * np.abs(np.diff(shifts)).mean()


@pytest.mark.parametrize(
    ("kind", "is_tinted"),
    [("regions", True), ("both", False), ("learned", False), ("mesh", False)],
)
def test_only_the_mask_regions_leads_over(kind: MaskKind, *, is_tinted: bool) -> None:
    crop = FaceCrop(
        IDENTITY_AFFINE, IDENTITY_AFFINE, TARGET, np.zeros((468, 2), np.float32), oval(TOP)
    )
    swapped = SwappedFace(AlignedFace(made_face(), 0, crop), PASTED, oval(FRINGE), skin_map())
    blended = blend_face(swapped, replace(SETTINGS, mask=kind), {})
    assert (blended.tint is not None) == is_tinted
