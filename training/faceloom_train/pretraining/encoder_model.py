"""The model that teaches the base's encoder to read a face, before convolutions draw it.

An encoder is an eighth of the operations of a whole network, so that it sees several times as many
faces in the same time. What it must tell of each face is known: landmarks, expression, gaze, how
the mean face moves, and its light, as the ratio of the face's colors to those of the mean face. The
two last are read as a decoder reads them, by its linear layers, which the base keeps.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from jaxtyping import Float32
from keras import layers, ops

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.config.schema import DfNetwork, TrainConfig
from faceloom_train.model.layers import light_gains
from faceloom_train.model.networks import build_landmark_head
from faceloom_train.model.networks.blocks import build_encoder, build_linear_maps
from faceloom_train.model.reconstruction_model import ReconstructionModel, by_identity
from faceloom_train.pretraining.performance_pairs import pair_layout

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


class EncoderModel(ReconstructionModel):
    """Reads landmarks, performance and light of single faces from their latents."""

    def __init__(
        self,
        config: TrainConfig,
        mean_faces: Sequence[Float32[np.ndarray, "s s 4"]],
        performance_size: int,
    ):
        """Build encoder and heads under Keras' current dtype policy.

        Args:
            config: The configuration of a `df` network.
            mean_faces: RGB and mask of each person, 0 to 1.
            performance_size: Numbers that describe a performance.
        """
        super().__init__(config, "encoder_model")
        network = config.network
        assert isinstance(network, DfNetwork), "only df networks have a base"
        self.batch_layout = pair_layout(config, performance_size)
        self.encoder = build_encoder(network)
        self.landmark_head = build_landmark_head(network.latent_dim)
        self.performance_head = layers.Dense(performance_size, dtype="float32", name="performance")
        self.performance_head.build((None, network.latent_dim))
        self.linear_maps = build_linear_maps(network)
        faces = np.stack(mean_faces)
        self._mean_colors = ops.convert_to_numpy(_cell_colors(faces[..., :3], faces[..., 3:])[0])
        self.built = True

    @property
    def base_networks(self) -> dict[str, keras.Model]:
        """The networks whose weights are stored, by the names of `WeightKey`."""
        return {
            "encoder": self.encoder,
            "landmark_head": self.landmark_head,
            "decoder": self.linear_maps,
        }

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Read the faces of a batch.

        Args:
            batch: A batch of `make_pair_dataset`; both faces of a pair are read.
            training: Not used; Keras passes it.

        Returns:
            target [n, s, s, 5], landmarks [n, k, 2], performance [n, p], shift [n, m, m, 2] and
            light [n, m, m, 3].
        """
        targets, inputs = self.augment_batch(batch)
        latent = self.encoder(inputs)
        shift, light = self.linear_maps(latent)
        landmarks = ops.reshape(self.landmark_head(latent), (-1, len(EXPRESSION_LANDMARKS), 2))
        return {
            "target": targets,
            "landmarks": landmarks,
            "performance": self.performance_head(latent),
            "shift": shift,
            "light": light,
        }

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the sum of the errors, and update the trackers.

        Args:
            x: The batch.
            y: Not used.
            y_pred: What `call` returned.
            sample_weight: Not used.
            training: Not used.
        """
        landmarks = ops.mean(ops.abs(y_pred["landmarks"] - by_identity(x["landmarks"])))
        # Left and right of a mirrored face are exchanged, which the weights do not say.
        seen = 1 - by_identity(x["mirrored"])[:, None]
        performance = ops.abs(y_pred["performance"] - by_identity(x["performance"]))
        displacement = self.displacement_error(x, y_pred["shift"])
        light = self._light_error(x, y_pred)
        total = landmarks + ops.mean(seen * performance)
        total += _DISPLACEMENT_WEIGHT * displacement + _LIGHT_WEIGHT * light
        terms = {"landmarks": landmarks, "displacement": displacement, "l1": light}
        for name, value in {"loss": total, **terms}.items():
            self.loss_trackers[name].update_state(value)
        return total

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
        read = ops.log(ops.average_pool(gains, cell, cell) + _EPSILON)
        error = ops.mean(ops.abs(read - light), axis=-1, keepdims=True)
        return ops.sum(shares * error) / (ops.sum(shares) + _EPSILON)


def _cell_colors(rgb: Any, mask: Any) -> tuple[Any, Any]:
    """Return the mean color [n, g, g, 3] of the face in each cell and its share [n, g, g, 1]."""
    cell = rgb.shape[1] // _LIGHT_GRID
    shares = ops.average_pool(mask, cell, cell)
    return ops.average_pool(rgb * mask, cell, cell) / (shares + _EPSILON), shares
