"""A drawn face is sharpened as far as its source says and its target bears."""

import cv2
import numpy as np
import pytest
from tests.helpers.synthetic_faces import made_face

from faceloom.array_types import Rgb, float32
from faceloom.compare.image_similarity import fine_detail
from faceloom.faces.alignment import crop_face
from faceloom.swap import SwapOptions
from faceloom.swap.bundle.manifest import BlendRow
from faceloom.swap.compositing.paste_back import paste
from faceloom.swap.compositing.sharpening import inside_of, sharpen, sharpen_like
from faceloom.swap.options import Look
from faceloom.swap.pipeline.frame_swapper import CutFace, DrawnFace, blend_face

SIDE = 96
MASK = np.zeros((SIDE, SIDE), np.uint8)
MASK[16:80, 16:80] = 255


def face(blur: float, seed: int = 0) -> Rgb:
    """A picture with as much detail as its blur leaves."""
    noise = np.random.default_rng(seed).integers(60, 196, (SIDE, SIDE, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), blur), np.uint8)


def detail(picture: Rgb) -> float:
    return fine_detail(picture, inside_of(MASK))


@pytest.mark.parametrize(("drawn", "target"), [(0.8, 0.7), (0.9, 0.8)])
@pytest.mark.parametrize("scale", [0.8, 1.5])
def test_a_soft_face_that_is_put_back_is_as_detailed_as_its_target(
    drawn: float, target: float, scale: float
) -> None:
    soft, wanted = face(drawn), face(target, seed=1)
    assert detail(soft) < 0.9 * detail(wanted)
    assert put_back(sharpen_like(soft, wanted, MASK, 5), scale) == pytest.approx(
        detail(wanted), rel=0.15
    )
    assert put_back(soft, scale) < 0.8 * detail(wanted)


def put_back(crop: Rgb, scale: float) -> float:
    """Paste a crop into a picture, turned a little, `scale` pixels to one of its own; return its detail there."""
    side = round(SIDE * scale)
    turn = float32([[0.995, -0.1], [0.1, 0.995]]) / scale
    to_crop = np.concatenate([turn, SIDE / 2 - turn @ float32([[side / 2], [side / 2]])], 1)
    picture = np.zeros((side, side, 3), np.uint8)
    paste(picture, crop, np.full(crop.shape[:2], 255, np.uint8), to_crop)
    return detail(crop_face(picture, to_crop, SIDE))


@pytest.mark.parametrize(
    ("drawn", "target", "most"),
    [
        pytest.param(1.0, 1.5, 0.8, id="a target that is softer"),
        pytest.param(1.5, 1.0, 0, id="nothing suggested"),
    ],
)
def test_a_face_is_left_as_it_is_if_its_target_is_no_sharper(
    drawn: float, target: float, most: float
) -> None:
    soft = face(drawn)
    np.testing.assert_array_equal(sharpen_like(soft, face(target, seed=1), MASK, most), soft)


def test_no_more_than_is_suggested_and_only_what_the_mask_shows_counts() -> None:
    soft, wanted = face(1.5), face(0.8, seed=1)
    np.testing.assert_array_equal(sharpen_like(soft, wanted, MASK, 0.3), sharpen(soft, 0.3))
    busy = face(2.5, seed=1)
    busy[:14] = 255 * (np.indices((14, SIDE)).sum(0) % 2)[..., None]
    np.testing.assert_array_equal(sharpen_like(soft, busy, MASK, 0.3), soft)
    np.testing.assert_array_equal(sharpen_like(soft, wanted, np.zeros_like(MASK), 0.3), soft)
    flat = np.full_like(soft, 128)
    np.testing.assert_array_equal(sharpen_like(flat, wanted, MASK, 0.3), flat)


@pytest.mark.parametrize(
    ("target", "asked", "amount"),
    [
        pytest.param(2.0, None, 0, id="a soft target"),
        pytest.param(0.7, None, 0.4, id="a sharp one: what the source suggests"),
        pytest.param(2.0, 0.7, 0.7, id="asked for, whatever the target"),
        pytest.param(0.7, 0.0, 0, id="asked not to"),
    ],
)
def test_a_face_is_blended_as_sharp_as_its_target_or_asked(
    target: float, asked: float | None, amount: float
) -> None:
    drawn = face(1.5)
    cut = CutFace(
        made_face(),
        0,
        float32(np.eye(2, 3)),
        face(target, seed=1),
        np.zeros((468, 2), np.float32),
        MASK,
    )
    look = Look.of(BlendRow(color="none", sharpen=0.4), SwapOptions(mask="learned", sharpen=asked))
    blended = blend_face(DrawnFace(cut, drawn, MASK), look, {})
    np.testing.assert_array_equal(blended.matched, sharpen(drawn, amount))
