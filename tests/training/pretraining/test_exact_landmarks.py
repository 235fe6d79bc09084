"""Meshes of rendered pictures have exact eyes and lips."""

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, INNER_LIPS, LIPS, MESH_POINTS
from faceloom_train.pretraining.exact_landmarks import with_exact_features

pytestmark = pytest.mark.training

# Center and half width of each contour; the right eye's ring begins on the right.
FEATURES = {
    "left eye": (EYE_LEFT, (30, 40), 10, (36, 37, 38, 39, 40, 41)),
    "right eye": (EYE_RIGHT, (70, 40), -10, (45, 44, 43, 42, 47, 46)),
    "lips": (LIPS, (50, 80), 15, tuple(range(48, 60))),
    "inner lips": (INNER_LIPS, (50, 80), 11, tuple(range(60, 68))),
}


def contour(count: int, center: tuple[int, int], width: float, height: float) -> np.ndarray:
    """Points of an ellipse from its left end over its upper half; from its right if width < 0."""
    angles = np.pi + 2 * np.pi * np.arange(count) / count
    return float32(np.stack([np.cos(angles) * width, np.sin(angles) * height], 1) + center)


def face(height: float) -> tuple[np.ndarray, np.ndarray]:
    """A mesh and landmarks whose features have a height."""
    mesh = np.full((MESH_POINTS, 2), 500, np.float32)
    landmarks = np.zeros((68, 2), np.float32)
    for ring, center, width, own in FEATURES.values():
        mesh[list(ring)] = contour(len(ring), center, width, height)
        landmarks[list(own)] = contour(len(own), center, width, height)
    return mesh, landmarks


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("height", [0.0, 2.0, 8.0])
def test_features_follow_the_exact_contour(feature: str, height: float) -> None:
    """A shut eye or an open mouth that the mesh shows with a height of 4."""
    mesh, _ = face(4)
    _, landmarks = face(height)
    ring, center, width, _ = FEATURES[feature]
    moved = with_exact_features(mesh, landmarks)[list(ring)]
    heights, half = np.ptp(moved[:, 1]), len(ring) // 2
    upper, lower = moved[1:half], moved[half + 1 :]
    assert upper[:, 1].max() <= center[1] <= lower[:, 1].min()
    assert (np.diff(moved[: half + 1, 0]) * np.sign(width) > 0).all()
    # A contour of six points is lower than the ellipse through them.
    assert 0.85 * 2 * height - 0.01 <= heights <= 2 * height + 0.01
    np.testing.assert_allclose(moved[0], [center[0] - width, center[1]], atol=0.01)
    np.testing.assert_allclose(moved[half], [center[0] + width, center[1]], atol=0.01)


@pytest.mark.parametrize(
    ("landmark", "exact"), [(159, (37, 38)), (145, (40, 41)), (386, (43, 44)), (374, (46, 47))]
)
def test_the_middle_of_each_lid_is_between_two_exact_landmarks(
    landmark: int, exact: tuple[int, int]
) -> None:
    mesh, _ = face(4)
    _, landmarks = face(8)
    moved = with_exact_features(mesh, landmarks)
    np.testing.assert_allclose(moved[landmark], landmarks[list(exact)].mean(0), atol=0.5)


def test_landmarks_next_to_a_feature_move_along_and_distant_ones_stay() -> None:
    mesh, landmarks = face(4)
    near, far = 27, 10
    mesh[near], mesh[far] = (30, 34), (30, 300)
    landmarks[36:42, 1] += 3
    moved = with_exact_features(mesh, landmarks)
    assert 1 < moved[near, 1] - mesh[near, 1] < 3
    np.testing.assert_allclose(moved[far], mesh[far], atol=1e-3)
