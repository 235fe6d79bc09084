"""Eyes, brows and mouth do not get the color of the target's skin."""

import numpy as np
import pytest
from tests.helpers.color_transfer import transfer_color
from tests.helpers.swapping import blend_face
from tests.helpers.synthetic_faces import made_face

from faceloom.choices import ColorTransfer
from faceloom.color import to_lab
from faceloom.faces.alignment import IDENTITY_AFFINE
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.parsing.regions import PARSING_SIDE, Region, RegionMap
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.face_mask import FacePair
from faceloom.swap.compositing.feature_color import FeatureMasks, measure_eye_whites
from faceloom.swap.compositing.lightness_curve import LightnessCurve
from faceloom.swap.options import BlendSettings, SwapOptions
from faceloom.swap.pipeline.face_blending import AlignedFace, SwappedFace

SIDE = 128
FULL = np.full((SIDE, SIDE), 255, np.uint8)
EYES, BROWS, MOUTH = slice(40, 48), slice(30, 34), slice(90, 98)
# sRGB of a dark and of a pale skin, and of the eyes of either face: as light in both pictures.
DARK, PALE, BROWN, GREEN = (110, 62, 45), (235, 200, 190), (110, 100, 92), (95, 104, 92)


def _face(skin: tuple[int, int, int], eyes: tuple[int, int, int]) -> np.ndarray:
    """Skin whose means leave out the darkest and the brightest shades, with eyes."""
    face = np.full((SIDE, SIDE, 3), skin) * np.linspace(0.9, 1, SIDE)[:, None, None]
    face[EYES] = eyes
    return np.uint8(face)


def _colorful(face: np.ndarray) -> np.ndarray:
    """Add patches, so that the limit of chroma's variation does not act."""
    patches = np.random.default_rng(0).normal(0, 30, (16, 16, 3)).repeat(8, 0).repeat(8, 1)
    patches[EYES] = 0
    return np.uint8(np.clip(face + patches, 0, 255))


def _regions(**rows: slice) -> RegionMap:
    regions = np.zeros((PARSING_SIDE, PARSING_SIDE, len(Region)), np.uint8)
    regions[..., Region.SKIN] = 255
    for name, where in rows.items():
        regions[where] = 0
        regions[where, :, Region[name]] = 255
    return regions


def _masks() -> FeatureMasks | None:
    pair = FacePair(FULL, FULL, _regions(EYES=EYES), _regions(EYES=EYES))
    return FeatureMasks.of_pair(pair, SIDE)


@pytest.mark.parametrize("method", ["lab", "rct"])
@pytest.mark.parametrize(("own", "other"), [(DARK, PALE), (PALE, DARK)], ids=["dark", "pale"])
def test_eyes_in_the_same_light_keep_their_color(
    method: ColorTransfer, own: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    swapped, target = _face(own, BROWN), _colorful(_face(other, GREEN))
    skin = FULL.copy()
    skin[EYES] = 0
    before = to_lab(swapped)
    tinted, kept = (
        to_lab(transfer_color(method, swapped, target, FULL, {}, skin, masks))
        for masks in (None, _masks())
    )
    # Like the skin, they change by more than 20.
    assert np.linalg.norm(tinted[EYES].mean((0, 1)) - before[EYES].mean((0, 1))) > 20
    np.testing.assert_allclose(kept[EYES].mean((0, 1)), before[EYES].mean((0, 1)), atol=3.5)
    np.testing.assert_allclose(kept[60:].mean((0, 1)), tinted[60:].mean((0, 1)), atol=1)


def test_eyes_of_gray_footage_are_gray() -> None:
    target = np.repeat(_face(PALE, GREEN).mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    matched = transfer_color("lab", _face(DARK, BROWN), target, FULL, {}, FULL, _masks())
    assert np.abs(to_lab(matched)[EYES][..., 1:]).max() < 3


@pytest.mark.parametrize("target", [True, False])
@pytest.mark.parametrize("predicted", [True, False])
def test_the_regions_of_both_faces_tell_where_they_are(*, target: bool, predicted: bool) -> None:
    own = _regions(EYES=EYES, BROWS=BROWS, MOUTH=MOUTH) if predicted else None
    other = _regions(EYES=slice(50, 60)) if target else None
    found = FeatureMasks.of_pair(FacePair(FULL, FULL, other, own), SIDE)
    if not (target and predicted):
        assert found is None
        return
    assert found is not None
    rows = {"features": (EYES, MOUTH), "eyes": (EYES,), "target_eyes": (slice(50, 60),)}
    for name, inside in rows.items():
        expected = np.zeros((SIDE, SIDE), np.uint8)
        if name == "features":
            expected[BROWS] = 128
        for part in inside:
            expected[part] = 255
        np.testing.assert_allclose(getattr(found, name), expected, atol=1)


@pytest.mark.parametrize(
    ("own_white", "target_white", "skin_shift", "expected"),
    [(50, 60, 30, 60), (50, 95, 10, 59), (50, 40, 30, 50), (60, 50, -30, 50), (60, 80, -30, 60)],
    ids=["more light", "at most as skin", "not darker", "less light", "not lighter"],
)
def test_whites_of_eyes_tell_the_light(
    own_white: float, target_white: float, skin_shift: float, expected: float
) -> None:
    own, target = (
        np.full((SIDE, SIDE, 3), (white, 0, 0), np.float32) for white in (own_white, target_white)
    )
    masks = _masks()
    assert masks is not None
    state: dict[str, np.ndarray] = {}
    skin = LightnessCurve(40, skin_shift)
    curve = measure_eye_whites(own, target, masks, state).feature_lightness(skin)
    assert curve.apply(own[:1, :1, 0]) == pytest.approx(expected, abs=1)
    # Shut eyes show no white; what is known of the track stays, and nothing else is guessed.
    for shut in (
        FeatureMasks(masks.features, 0 * masks.eyes, masks.target_eyes),
        FeatureMasks(masks.features, masks.eyes, 0 * masks.target_eyes),
    ):
        before = measure_eye_whites(own, target, shut, dict(state))
        assert before.feature_lightness(skin) == curve
        never = measure_eye_whites(own, target, shut, {})
        assert never.feature_lightness(skin).shift == 0


def test_blending_measures_the_prediction_s_eyes() -> None:
    crop = FaceCrop(
        IDENTITY_AFFINE,
        IDENTITY_AFFINE,
        _colorful(_face(PALE, GREEN)),
        np.zeros((468, 2), np.float32),
        FULL,
    )
    settings = BlendSettings.from_options(BlendRow(sharpen=0), SwapOptions(color="lab"))
    eyes = []
    for regions in (_regions(EYES=EYES), _regions()):
        swapped = SwappedFace(
            AlignedFace(made_face(), 0, crop),
            _face(DARK, BROWN),
            FULL,
            target_regions=_regions(EYES=EYES),
            predicted_regions=regions,
        )
        eyes.append(to_lab(blend_face(swapped, settings, {}).matched)[EYES].mean((0, 1)))
    assert eyes[0][0] < eyes[1][0] - 15
    assert eyes[0][2] > eyes[1][2] + 5
