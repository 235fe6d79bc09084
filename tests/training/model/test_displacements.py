"""The mean face's displacements at the landmarks are known from the meshes."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError
from tests.helpers.runs import NETWORK, tiny_config

from faceloom.array_types import float32
from faceloom.faces.landmarks import EYE_LEFT, MESH_POINTS
from faceloom_train.data.dataset import LANDMARK_UNIT, displacements
from faceloom_train.model.layers import MeanFace
from faceloom_train.model.losses import displacement_error

pytestmark = pytest.mark.training

SIDE = 64
MAX_SHIFT = 0.2
# A landmark of the median mesh and of a face, in sides of the crop from its center.
MEDIAN = (-0.1, 0.05)
FACE = (-0.15, 0.15)


def _dot(x: float, y: float) -> np.ndarray:
    """A blurred dot at a position, [side, side]."""
    centers = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    return np.exp(-((centers - x) ** 2 + (centers[:, None] - y) ** 2) / 0.002)


def _augmentation(mirrored: float, angle: float, shift: float) -> dict[str, tf.Tensor]:
    sign = -1 if mirrored else 1
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    transform = np.concatenate([rotation * [sign, 1], [[shift], [0]]], 1)
    return {
        "mirrored": tf.constant(float32([[mirrored]])),
        "target_transform": tf.constant(float32(transform)[None, None]),
    }


@pytest.mark.parametrize("mirrored", [0.0, 1.0])
@pytest.mark.parametrize(("angle", "shift"), [(0.0, 0.0), (0.2, 0.05)])
def test_the_mean_face_shifted_so_shows_the_landmark_where_the_target_has_it(
    mirrored: float, angle: float, shift: float
) -> None:
    augmentation = _augmentation(mirrored, angle, shift)
    face, median = (tf.constant(float32(p))[None, None, None] for p in (FACE, MEDIAN))
    x, y, dx, dy = displacements(face, median, augmentation)[0, 0, 0].numpy()
    # A target pixel p shows the face's pixel transform(p).
    transform = augmentation["target_transform"][0, 0].numpy()
    np.testing.assert_allclose(transform[:, :2] @ [x, y] + transform[:, 2], FACE, atol=1e-6)
    layer = MeanFace(0.5)
    layer.build((None, SIDE, SIDE, 1))
    layer.image.assign(float32(_dot(*MEDIAN))[..., None])
    everywhere = float32(np.broadcast_to(np.arctanh([dx / 0.5, dy / 0.5]), (1, 8, 8, 2)))
    empty = np.zeros((1, SIDE, SIDE, 1), np.float32)
    drawn = np.asarray(layer(empty, everywhere, mirrored=augmentation["mirrored"][0]))[0, ..., 0]
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    position = (np.array([column, row]) + 0.5) / SIDE - 0.5
    np.testing.assert_allclose(position, [x, y], atol=1 / SIDE)


@pytest.mark.parametrize(
    ("predicted", "true", "error"),
    [
        ((0.05, -0.1), (0.05, -0.1), 0.0),
        ((0.05, -0.1), (0.05, 0.1), 0.1),
        # What the mean face cannot reach counts as its largest displacement.
        ((MAX_SHIFT, 0), (0.9, 0), 0.0),
    ],
)
def test_the_error_is_that_at_the_landmarks(
    predicted: tuple[float, float], true: tuple[float, float], error: float
) -> None:
    tanh = np.clip(np.array(predicted) / MAX_SHIFT, -1 + 1e-6, 1 - 1e-6)
    shift = np.zeros((1, 4, 4, 2), np.float32)
    # The landmark is at the center of the second pixel of the third row.
    shift[:, 2, 1] = np.arctanh(tanh)
    points = np.tile(float32([-0.125, 0.125, *true]), (1, MESH_POINTS, 1))
    found = float(displacement_error(shift, points, MAX_SHIFT))
    assert found == pytest.approx(error / LANDMARK_UNIT, abs=1e-4)


def test_a_lid_counts_more_than_another_landmark() -> None:
    nose, lid = (np.zeros((1, MESH_POINTS, 4), np.float32) for _ in range(2))
    nose[:, 1, 2:] = lid[:, EYE_LEFT[4], 2:] = 0.1
    shift = np.zeros((1, 4, 4, 2), np.float32)
    ratio = displacement_error(shift, lid, MAX_SHIFT) / displacement_error(shift, nose, MAX_SHIFT)
    assert float(ratio) == pytest.approx(4, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("loss.displacement", {"loss": {"displacement": 1}}), ("lids_gain", {"lids_gain": 2})],
)
def test_a_network_whose_mean_face_cannot_shift_is_refused(
    name: str, settings: dict[str, Any]
) -> None:
    network = {**NETWORK, "mean_face_max_shift": 0, "mean_face_light": False}
    with pytest.raises(ValidationError, match=f"{name}.* needs network.mean_face_max_shift"):
        tiny_config(network=network, **settings)
