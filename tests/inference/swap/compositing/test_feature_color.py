"""Eyes and mouth do not get the color of the target's skin."""

import numpy as np
import pytest
from tests.helpers.synthetic_faces import made_face

from faceloom.choices import ColorTransfer
from faceloom.color import to_lab
from faceloom.faces.alignment import IDENTITY_AFFINE
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.parsing.regions import PARSING_SIDE, Region
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.color_transfer import transfer_color
from faceloom.swap.compositing.face_mask import FacePair
from faceloom.swap.compositing.feature_color import eyes_and_mouth
from faceloom.swap.options import BlendSettings, SwapOptions
from faceloom.swap.pipeline.frame_swapper import AlignedFace, SwappedFace, blend_face

SIDE = 64
FULL = np.full((SIDE, SIDE), 255, np.uint8)
EYES = (slice(16, 24), slice(12, 52))
# sRGB of a dark and of a pale skin, and of the gray-brown eyes of the dark face.
DARK, PALE, BROWN = (170, 105, 70), (235, 200, 190), (110, 100, 92)


def _face(skin: tuple[int, int, int], eyes: tuple[int, int, int]) -> np.ndarray:
    face = np.full((SIDE, SIDE, 3), skin, np.uint8)
    # Shades of the skin, of which the means leave out the darkest and the brightest.
    face = np.uint8(face * np.linspace(0.9, 1, SIDE)[:, None, None])
    face[EYES] = eyes
    return face


def _eyes() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[EYES] = 255
    return mask


@pytest.mark.parametrize("method", ["lab", "rct"])
def test_brown_eyes_stay_brown_in_a_paler_face(method: ColorTransfer) -> None:
    swapped = _face(DARK, BROWN)
    # Patches of color, so that the target's chroma varies as much.
    patches = np.random.default_rng(0).normal(0, 30, (8, 8, 3)).repeat(8, 0).repeat(8, 1)
    target = np.uint8(np.clip(_face(PALE, (90, 120, 90)) + patches, 0, 255))
    skin, eyes = 255 - _eyes(), _eyes()
    tinted, kept = (
        to_lab(transfer_color(method, swapped, target, FULL, {}, skin, features))
        for features in (None, eyes)
    )
    inside = eyes > 0
    before = to_lab(swapped)
    # As a part of the skin, they turn blue.
    assert tinted[inside][:, 2].mean() < before[inside][:, 2].mean() - 8
    # The limit of chroma's variation acts afterwards.
    np.testing.assert_allclose(kept[inside][:, 1:].mean(0), before[inside][:, 1:].mean(0), atol=3.5)
    # Their lightness and the skin's color are matched as before.
    np.testing.assert_allclose(kept[..., 0], tinted[..., 0], atol=2)
    np.testing.assert_allclose(kept[~inside].mean(0), tinted[~inside].mean(0), atol=1)


def test_eyes_of_gray_footage_are_gray() -> None:
    target = np.repeat(_face(PALE, (90, 120, 90)).mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    matched = transfer_color("lab", _face(DARK, BROWN), target, FULL, {}, 255 - _eyes(), _eyes())
    assert np.abs(to_lab(matched)[EYES][..., 1:]).max() < 3


def _regions(region: Region, rows: slice) -> np.ndarray:
    regions = np.zeros((128, 128, len(Region)), np.uint8)
    regions[..., Region.SKIN] = 255
    regions[rows, :, Region.SKIN] = 0
    regions[rows, :, region] = 255
    return regions


@pytest.mark.parametrize(
    ("target", "predicted", "rows"),
    [
        ("eyes", None, slice(40, 48)),
        ("eyes", "mouth", slice(80, 90)),
        (None, "mouth", slice(80, 90)),
        (None, None, None),
    ],
)
def test_the_regions_tell_where_they_are(
    target: str | None, predicted: str | None, rows: slice | None
) -> None:
    known = {
        "eyes": _regions(Region.EYES, slice(40, 48)),
        "mouth": _regions(Region.MOUTH, slice(80, 90)),
        None: None,
    }
    found = eyes_and_mouth(FacePair(FULL, FULL, known[target], known[predicted]), 128)
    if rows is None:
        assert found is None
        return
    expected = np.zeros((128, 128), np.uint8)
    expected[rows] = 255
    np.testing.assert_array_equal(found, expected)


def test_blending_keeps_the_chroma_of_eyes_in_the_target_s_place() -> None:
    """The prediction is not parsed."""
    side = PARSING_SIDE
    rows = slice(40, 48)
    patches = np.random.default_rng(0).normal(0, 30, (16, 16, 3)).repeat(8, 0).repeat(8, 1)
    target = np.uint8(np.clip(PALE + patches, 0, 255))
    prediction = np.full((side, side, 3), DARK, np.uint8)
    prediction[rows] = BROWN
    covered = np.full((side, side), 255, np.uint8)
    mesh = np.zeros((468, 2), np.float32)
    crop = FaceCrop(IDENTITY_AFFINE, IDENTITY_AFFINE, target, mesh, covered)
    settings = BlendSettings.from_options(BlendRow(sharpen=0), SwapOptions(color="lab"))
    eyes = []
    for region in (Region.EYES, Region.SKIN):
        regions = _regions(region, rows)
        face = AlignedFace(made_face(), 0, crop)
        swapped = SwappedFace(face, prediction, covered, target_regions=regions)
        eyes.append(to_lab(blend_face(swapped, settings, {}).matched)[rows].mean((0, 1)))
    assert eyes[0][2] > eyes[1][2] + 5
