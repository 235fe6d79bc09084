"""Crops lie where the template says, whatever the size and coverage."""

import cv2
import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.faces.alignment import (
    WHOLE_FACE_TEMPLATE,
    CropGeometry,
    apply_affine,
    crop_face,
    fit_affine,
    invert_affine,
    umeyama,
)


def similarity(degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return float32([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


@pytest.mark.parametrize(
    ("degrees", "scale", "shift"),
    [(0, 1, (0, 0)), (30, 2, (5, -7)), (180, 0.25, (100, 3)), (-91, 7, (-40, 0))],
)
def test_umeyama_finds_the_similarity_that_made_the_points(degrees, scale, shift) -> None:
    points = float32(WHOLE_FACE_TEMPLATE) * 100
    made = similarity(degrees, scale, shift)
    np.testing.assert_allclose(umeyama(points, apply_affine(made, points)), made, atol=1e-3)


@pytest.mark.parametrize("noise", [0, 0.5])
def test_fit_affine_finds_the_map_that_made_the_points(noise: float) -> None:
    random = np.random.default_rng(0)
    points = float32(random.uniform(0, 300, (300, 2)))
    made = float32([[1.2, 0.3, -40], [-0.1, 0.7, 15]])
    found = fit_affine(
        points, float32(apply_affine(made, points) + random.normal(0, noise, (300, 2)))
    )
    np.testing.assert_allclose(
        apply_affine(found, points), apply_affine(made, points), atol=1e-3 + noise / 3
    )


def test_umeyama_never_mirrors() -> None:
    points = float32(WHOLE_FACE_TEMPLATE) * 100
    found = umeyama(points, points * float32([-1, 1]))
    assert np.linalg.det(found[:, :2]) > 0


def test_umeyama_has_the_least_error_among_its_neighbors() -> None:
    random = np.random.default_rng(1)
    points = float32(WHOLE_FACE_TEMPLATE) * 100
    noisy = points + float32(random.normal(0, 4, points.shape))
    best = umeyama(points, noisy)

    def error(affine: np.ndarray) -> float:
        return float(((apply_affine(affine, points) - noisy) ** 2).sum())

    for degrees, scale in ((0.5, 1), (-0.5, 1), (0, 1.01), (0, 0.99)):
        nudged = similarity(degrees, scale, (0, 0))[:, :2] @ best
        nudged[:, 2] += noisy.mean(0) - apply_affine(float32(nudged), points).mean(0)
        assert error(best) < error(float32(nudged))


@pytest.mark.parametrize(("size", "coverage"), [(512, 1.5), (96, 0.8), (128, 1.0)])
def test_a_face_lands_on_the_template(size: int, coverage: float) -> None:
    geometry = CropGeometry(size=size, coverage=coverage)
    face = apply_affine(similarity(20, 1.7, (40, 60)), float32(WHOLE_FACE_TEMPLATE) * 100)
    landed = apply_affine(geometry.frame_to_crop(face), face)
    np.testing.assert_allclose(landed, geometry.template_xy(), atol=0.02)


def test_the_map_between_two_crops_is_the_way_through_the_frame() -> None:
    stored, wanted = CropGeometry(size=512, coverage=1.5), CropGeometry(size=96, coverage=0.8)
    face = apply_affine(similarity(-10, 2, (30, 10)), float32(WHOLE_FACE_TEMPLATE) * 100)
    places = float32([[0, 0], [100, 300], [511, 511]])
    through_frame = apply_affine(
        wanted.frame_to_crop(face), apply_affine(invert_affine(stored.frame_to_crop(face)), places)
    )
    np.testing.assert_allclose(
        apply_affine(stored.affine_to(wanted), places), through_frame, atol=0.02
    )


def test_a_crop_shows_the_picture_where_the_map_says() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(picture, (120, 80), 6, (255, 0, 0), -1)
    to_crop = similarity(0, 0.5, (-20, -10))
    crop = crop_face(picture, to_crop, 100)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    np.testing.assert_allclose(
        [columns.mean(), rows.mean()], apply_affine(to_crop, float32([[120, 80]]))[0], atol=0.5
    )


@pytest.mark.parametrize(
    "shift", [(-20, -10), (40, 60), (-260, 30), (900, 0), (0, -900), (-40, -40)]
)
def test_an_enlarged_crop_repeats_the_picture_s_edge_as_opencv_does(shift: tuple[int, int]) -> None:
    """Inside the picture, over its edges and corners, beside it altogether."""
    cells = np.random.default_rng(0).integers(0, 256, (12, 18, 3)).astype(np.uint8)
    picture = cv2.resize(cells, (180, 120), interpolation=cv2.INTER_CUBIC)
    to_crop = similarity(20, 1.7, shift)
    wanted = cv2.warpAffine(
        picture, to_crop, (96, 96), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    crop = crop_face(picture, to_crop, 96)
    assert np.abs(crop.astype(int) - wanted).max() <= 1


def test_a_large_face_is_averaged_not_sampled() -> None:
    checker = np.indices((800, 800)).sum(0) % 2 * 255
    picture = np.repeat(checker[..., None], 3, -1).astype(np.uint8)
    crop = crop_face(picture, similarity(0, 0.1, (0, 0)), 64)
    assert np.abs(crop[2:-2, 2:-2].astype(int) - 127).max() < 12
