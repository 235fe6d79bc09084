"""Lids move further in predictions than the decoder has learned, and nothing else does."""

import numpy as np
import pytest
from keras import ops

from faceloom.faces.alignment import CropGeometry
from faceloom_train.model.layers import MeanFace
from faceloom_train.model.lids import emphasize_lids, lids_emphasis

pytestmark = pytest.mark.training

SIDE = 128
# Side of the displacements' grid.
GRID = 64
CROP = CropGeometry(size=SIDE, coverage=1)
GAIN = 2.5
# Rows and columns of the grid: the left upper lid and the lower lip of an aligned face.
LID = (slice(24, 25), slice(21, 26))
LIP = (slice(44, 45), slice(30, 34))


def emphasized(shift: np.ndarray) -> np.ndarray:
    """Return one face's displacements, emphasized."""
    emphasis = lids_emphasis(CROP, GAIN)
    return ops.convert_to_numpy(emphasize_lids(ops.convert_to_tensor(shift[None]), emphasis))[0]


@pytest.mark.parametrize(("place", "gain"), [(LID, GAIN), (LIP, 1)])
def test_a_lid_moves_further_and_a_lip_does_not(place: tuple[slice, slice], gain: float) -> None:
    shift = np.zeros((GRID, GRID, 2), np.float32)
    shift[(*place, 1)] = 0.02
    # The window's mean, which is not amplified, is a small part of so thin a line.
    assert emphasized(shift)[(*place, 1)].mean() == pytest.approx(0.02 * gain, rel=0.07)


def test_a_face_that_moves_as_a_whole_stays_as_it_is() -> None:
    shift = np.tile(np.float32([0.03, -0.02]), (GRID, GRID, 1))
    np.testing.assert_allclose(emphasized(shift), shift, atol=1e-6)


def test_predictions_emphasize_lids_and_training_does_not() -> None:
    layer = MeanFace(0.15)
    shift = np.zeros((1, GRID, GRID, 2), np.float32)
    shift[(0, *LID, 1)] = 0.3
    picture = np.zeros((1, SIDE, SIDE, 4), np.float32)
    layer(picture, shift)
    layer.image.assign(np.random.default_rng(0).random(picture.shape[1:]))
    mirrored = np.zeros(1, np.float32)
    learned, in_training = layer(picture, shift), layer(picture, shift, mirrored=mirrored)
    layer.lids_emphasis = lids_emphasis(CROP, GAIN)
    np.testing.assert_allclose(layer(picture, shift, mirrored=mirrored), in_training)
    np.testing.assert_allclose(in_training, learned)
    assert np.abs(np.asarray(layer(picture, shift)) - learned).max() > 0.05
