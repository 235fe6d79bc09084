"""Lids move further in predictions than the decoder has learned; lips and whole faces do not."""

from typing import Any

import numpy as np
import pytest
from keras import ops
from tests.helpers.runs import LIAE_NETWORK, NETWORK, tiny_config

from faceloom.faces.alignment import CropGeometry
from faceloom_train.model.layers import MeanFace
from faceloom_train.model.lids import amplify_lids, lids_gain_map
from faceloom_train.model.swap_model import SwapModel

pytestmark = pytest.mark.training

SIDE = 128
# Side of the displacements' grid.
GRID = 64
CROP = CropGeometry(size=SIDE, coverage=1)
GAIN = 2.5
# Rows and columns of the grid: the left upper lid and the lower lip of an aligned face.
LID = (slice(24, 25), slice(21, 26))
LIP = (slice(44, 45), slice(30, 34))


def amplified(shift: np.ndarray) -> np.ndarray:
    """Return one face's displacements, amplified."""
    gain_map = lids_gain_map(CROP, GAIN)
    return ops.convert_to_numpy(amplify_lids(ops.convert_to_tensor(shift[None]), gain_map))[0]


@pytest.mark.parametrize(("place", "gain"), [(LID, GAIN), (LIP, 1)])
def test_a_lid_moves_further_and_a_lip_does_not(place: tuple[slice, slice], gain: float) -> None:
    shift = np.zeros((GRID, GRID, 2), np.float32)
    shift[(*place, 1)] = 0.02
    # The window's mean, which is not amplified, is a small part of so thin a line.
    assert amplified(shift)[(*place, 1)].mean() == pytest.approx(0.02 * gain, rel=0.07)


def test_a_face_that_moves_as_a_whole_stays_as_it_is() -> None:
    shift = np.tile(np.float32([0.03, -0.02]), (GRID, GRID, 1))
    np.testing.assert_allclose(amplified(shift), shift, atol=1e-6)


def test_predictions_amplify_lids_and_training_does_not() -> None:
    layer = MeanFace(0.15)
    shift = np.zeros((1, GRID, GRID, 2), np.float32)
    shift[(0, *LID, 1)] = 0.3
    picture = np.zeros((1, SIDE, SIDE, 4), np.float32)
    layer(picture, shift)
    layer.image.assign(np.random.default_rng(0).random(picture.shape[1:]))
    mirrored = np.zeros(1, np.float32)
    learned, in_training = layer(picture, shift), layer(picture, shift, mirrored=mirrored)
    layer.lids_gain_map = lids_gain_map(CROP, GAIN)
    np.testing.assert_allclose(layer(picture, shift, mirrored=mirrored), in_training)
    np.testing.assert_allclose(in_training, learned)
    assert np.abs(np.asarray(layer(picture, shift)) - learned).max() > 0.05


@pytest.mark.parametrize("network", [NETWORK, LIAE_NETWORK], ids=["df", "liae"])
def test_the_setting_reaches_the_predictions_of_every_identity(network: dict[str, Any]) -> None:
    learned, amplified_lids = (outputs(network, gain) for gain in (1, 4))
    for (prediction, training), (further, same) in zip(learned, amplified_lids, strict=True):
        assert np.abs(prediction - further).max() > 0.1
        np.testing.assert_array_equal(training, same)


def outputs(network: dict[str, Any], gain: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each identity's prediction, and what its decoder returns in training."""
    model = SwapModel(tiny_config(network=network, lids_gain=gain), ["ada", "ben"])
    random = np.random.default_rng(0)
    for decoder in model.decoders:
        for variable in decoder.variables:
            variable.assign(random.normal(0, 0.3, variable.shape))
    latent = random.normal(size=(2, network["latent_dim"])).astype(np.float32)
    mirrored = np.zeros(2, np.float32)
    return [
        (
            ops.convert_to_numpy(predicting(latent)),
            ops.convert_to_numpy(training([latent, mirrored])["prediction"]),
        )
        for predicting, training in zip(
            model.decoders, model.networks.training_decoders, strict=True
        )
    ]
