"""A predicted face is sharpened up to its target's detail and its source's limit."""

import cv2
import numpy as np
import pytest
from tests.helpers.swapping import blend_face
from tests.helpers.synthetic_faces import made_face

from faceloom.array_types import Rgb, float32
from faceloom.compare.image_similarity import laplacian_spread
from faceloom.faces.alignment import IDENTITY_AFFINE, crop_face
from faceloom.faces.face_crop import FaceCrop
from faceloom.swap import SwapOptions
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.paste_back import paste
from faceloom.swap.compositing.sharpening import mask_interior, sharpen, sharpen_to_match
from faceloom.swap.options import BlendSettings
from faceloom.swap.pipeline.face_blending import AlignedFace, SwappedFace

SIDE = 96
MASK = np.zeros((SIDE, SIDE), np.uint8)
MASK[16:80, 16:80] = 255


def face(blur: float, seed: int = 0) -> Rgb:
    """Blurred noise: the larger the blur, the less detail."""
    noise = np.random.default_rng(seed).integers(60, 196, (SIDE, SIDE, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), blur), np.uint8)


def detail(picture: Rgb) -> float:
    return laplacian_spread(picture, mask_interior(MASK))


@pytest.mark.parametrize(("face_blur", "target_blur"), [(0.8, 0.7), (0.9, 0.8)])
@pytest.mark.parametrize("scale", [0.8, 1.5])
def test_a_sharpened_face_is_after_pasting_as_detailed_as_its_target(
    face_blur: float, target_blur: float, scale: float
) -> None:
    soft, target = face(face_blur), face(target_blur, seed=1)
    assert detail(soft) < 0.9 * detail(target)
    assert detail_after_pasting(sharpen_to_match(soft, target, MASK, 5), scale) == pytest.approx(
        detail(target), rel=0.15
    )
    assert detail_after_pasting(soft, scale) < 0.8 * detail(target)


def detail_after_pasting(crop: Rgb, scale: float) -> float:
    """Paste a slightly rotated crop at `scale` frame pixels per crop pixel; measure the detail."""
    side = round(SIDE * scale)
    turn = float32([[0.995, -0.1], [0.1, 0.995]]) / scale
    to_crop = np.concatenate([turn, SIDE / 2 - turn @ float32([[side / 2], [side / 2]])], 1)
    picture = np.zeros((side, side, 3), np.uint8)
    paste(picture, crop, np.full(crop.shape[:2], 255, np.uint8), to_crop)
    return detail(crop_face(picture, to_crop, SIDE))


@pytest.mark.parametrize(
    ("face_blur", "target_blur", "max_amount"),
    [
        pytest.param(1.0, 1.5, 0.8, id="a softer target"),
        pytest.param(1.5, 1.0, 0, id="nothing suggested"),
    ],
)
def test_a_face_stays_if_its_target_is_not_sharper(
    face_blur: float, target_blur: float, max_amount: float
) -> None:
    soft = face(face_blur)
    np.testing.assert_array_equal(
        sharpen_to_match(soft, face(target_blur, seed=1), MASK, max_amount), soft
    )


def test_the_amount_is_limited_and_only_the_mask_s_interior_counts() -> None:
    soft, target = face(1.5), face(0.8, seed=1)
    np.testing.assert_array_equal(sharpen_to_match(soft, target, MASK, 0.3), sharpen(soft, 0.3))
    busy = face(2.5, seed=1)
    busy[:14] = 255 * (np.indices((14, SIDE)).sum(0) % 2)[..., None]
    np.testing.assert_array_equal(sharpen_to_match(soft, busy, MASK, 0.3), soft)
    np.testing.assert_array_equal(sharpen_to_match(soft, target, np.zeros_like(MASK), 0.3), soft)
    flat = np.full_like(soft, 128)
    np.testing.assert_array_equal(sharpen_to_match(flat, target, MASK, 0.3), flat)


@pytest.mark.parametrize(
    ("target_blur", "option", "amount"),
    [
        pytest.param(2.0, None, 0, id="a soft target"),
        pytest.param(0.7, None, 0.4, id="a sharp target: up to the limit of the source"),
        pytest.param(2.0, 0.7, 0.7, id="an amount for any target"),
        pytest.param(0.7, 0.0, 0, id="no sharpening"),
    ],
)
def test_blending_sharpens_by_the_option_or_to_match_the_target(
    target_blur: float, option: float | None, amount: float
) -> None:
    prediction = face(1.5)
    crop = FaceCrop(
        IDENTITY_AFFINE,
        IDENTITY_AFFINE,
        face(target_blur, seed=1),
        np.zeros((468, 2), np.float32),
        MASK,
    )
    settings = BlendSettings.from_options(
        BlendRow(color="none", sharpen=0.4), SwapOptions(mask="learned", sharpen=option)
    )
    blended = blend_face(
        SwappedFace(AlignedFace(made_face(), 0, crop), prediction, MASK), settings, {}
    )
    np.testing.assert_array_equal(blended.matched, sharpen(prediction, amount))
