"""The model that trains the base's encoder alone, before the whole network is trained.

An encoder is an eighth of the operations of a whole network, so that it sees several times as many
faces in the same time. Its labels are landmarks, expression, gaze, the displacements of the mean
face, and the light: the ratio of the face's colors to those of the mean face. Displacements and
light are predicted by the linear layers of a decoder, which the base keeps.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32
from keras import ops

from faceloom_train.config.schema import TrainConfig
from faceloom_train.model.layers import light_gains
from faceloom_train.model.networks.blocks import build_linear_maps
from faceloom_train.model.reconstruction_model import by_identity
from faceloom_train.pretraining.pretraining_model import PretrainingModel

# Cells along a side of the grid on which colors are compared.
_LIGHT_GRID = 8
# Largest logarithm of a ratio of colors, whose gain `light_gains` can reach.
_MAX_LIGHT = 0.65
# Weight of the error of the light, next to 1 for landmarks and performance.
_LIGHT_WEIGHT = 1.0
# Weight of the error of the mean face's displacements.
_DISPLACEMENT_WEIGHT = 2.0
# Added to colors, gains and the share of a cell that is face, against division by zero.
_EPSILON = 0.02


class EncoderModel(PretrainingModel):
    """Predicts landmarks, performance, displacements and light of single faces from latents."""

    def __init__(
        self,
        config: TrainConfig,
        mean_faces: Sequence[Float32[np.ndarray, "s s 4"]],
        performance_size: int,
    ):
        """Build encoder, heads and linear maps under Keras' current dtype policy.

        Args:
            config: The configuration of a network that can have a base.
            mean_faces: RGB and mask of each person, 0 to 1.
            performance_size: Numbers that describe a performance.
        """
        super().__init__(config, "encoder_model", performance_size)
        self.decoder = build_linear_maps(self.network)
        faces = np.stack(mean_faces)
        self._mean_colors = ops.convert_to_numpy(_cell_colors(faces[..., :3], faces[..., 3:])[0])
        self.built = True

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Predict what is known of the faces of a batch.

        Args:
            batch: A batch of `make_pair_dataset`; both faces of a pair are inputs.
            training: Not used; Keras passes it.

        Returns:
            target [n, s, s, 5], landmarks [n, k, 2], performance [n, p], shift [n, k, k, 2] and
            light [n, g, g, 3].
        """
        targets, inputs = self.augment_batch(batch)
        latent = self.encoder(inputs)
        shift, light = self.decoder(latent)
        return {"target": targets, **self.read_heads(latent), "shift": shift, "light": light}

    def compute_terms(
        self, batch: dict[str, Any], outputs: dict[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """Return the terms of the loss by name, and their weighted sum with the performance's.

        Args:
            batch: A batch of `make_pair_dataset`.
            outputs: What `call` returned.
        """
        landmarks = ops.mean(ops.abs(outputs["landmarks"] - by_identity(batch["landmarks"])))
        displacement = self.displacement_error(batch, outputs["shift"])
        light = self._light_error(batch, outputs)
        performance = ops.mean(ops.abs(outputs["performance"] - by_identity(batch["performance"])))
        total = landmarks + performance
        total += _DISPLACEMENT_WEIGHT * displacement + _LIGHT_WEIGHT * light
        return {"landmarks": landmarks, "displacement": displacement, "l1": light}, total

    def _light_error(self, batch: dict[str, Any], outputs: dict[str, Any]) -> Any:
        """Mean absolute error of the logarithm of color ratios, over the cells that show a face."""
        rgb, mask, _ = ops.split(outputs["target"], [3, 4], axis=-1)
        colors, shares = _cell_colors(rgb, mask)
        person = ops.cast(by_identity(batch["person"]), "int32")
        mean = ops.take(ops.convert_to_tensor(self._mean_colors), person, axis=0)
        mirrored = by_identity(batch["mirrored"])[:, None, None, None] > 0
        mean = ops.where(mirrored, ops.flip(mean, 2), mean)
        light = ops.clip(
            ops.log(colors + _EPSILON) - ops.log(mean + _EPSILON), -_MAX_LIGHT, _MAX_LIGHT
        )
        gains = light_gains(outputs["light"])[..., :3]
        cell = gains.shape[1] // _LIGHT_GRID
        predicted = ops.log(ops.average_pool(gains, cell, cell) + _EPSILON)
        error = ops.mean(ops.abs(predicted - light), axis=-1, keepdims=True)
        return ops.sum(shares * error) / (ops.sum(shares) + _EPSILON)


def _cell_colors(rgb: Any, mask: Any) -> tuple[Any, Any]:
    """Return the mean color [n, g, g, 3] of the face in each cell and its share [n, g, g, 1]."""
    cell = rgb.shape[1] // _LIGHT_GRID
    shares = ops.average_pool(mask, cell, cell)
    return ops.average_pool(rgb * mask, cell, cell) / (shares + _EPSILON), shares
