"""The model that learns the base: one encoder and one decoder for all people of the crowd.

The decoder has the layers of a `df` decoder. Each person has a style, a gain and an offset for each
channel of each convolution, and a mean face. Style 0 belongs to nobody: a share of the targets is
predicted with it, whoever they show. Folded into the convolutions, it is the decoder that a new
identity starts from, whose mean face comes from its own footage.
"""

from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np
from jaxtyping import Float32
from keras import layers, ops

from faceloom_train.config.schema import DfNetwork, TrainConfig
from faceloom_train.model.layers import add_shifted, light_gains
from faceloom_train.model.networks.blocks import apply_decoder, apply_inter, latent_input
from faceloom_train.pretraining.pretraining_model import PretrainingModel

# Weight of the error of expression and gaze that are read from the latent.
_PERFORMANCE_WEIGHT = 1.0
# Prefix of the names of style layers; the rest is the name of the convolution.
STYLE_PREFIX = "style_"


class StyleModulation(layers.Layer):
    """Scale and shift each channel of a convolution as a person's style says."""

    def __init__(self, count: int, **kwargs: Any):
        """Set the number of styles.

        Args:
            count: Number of styles.
            **kwargs: Arguments of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.count = count

    def build(self, x_shape: tuple[Any, ...], style_shape: tuple[Any, ...]) -> None:
        """Create the gains, less 1, and the offsets.

        Args:
            x_shape: Shape of the convolution's output.
            style_shape: Not used.
        """
        shape = (self.count, x_shape[-1])
        self.gain = self.add_weight(shape=shape, initializer="zeros", name="gain")
        self.offset = self.add_weight(shape=shape, initializer="zeros", name="offset")

    def call(self, x: Any, style: Any) -> Any:
        """Apply a style to each face.

        Args:
            x: [n, h, w, c].
            style: Index of the style of each face, [n], int32.

        Returns:
            [n, h, w, c].
        """
        gain, offset = (
            ops.take(values, style, axis=0)[:, None, None] for values in (self.gain, self.offset)
        )
        return x * (1 + ops.cast(gain, x.dtype)) + ops.cast(offset, x.dtype)


class BaseModel(PretrainingModel):
    """Learns to predict each person of a group from the pictures of all others."""

    def __init__(
        self,
        config: TrainConfig,
        mean_faces: Sequence[Float32[np.ndarray, "s s 4"]],
        performance_size: int,
    ):
        """Build the networks under Keras' current dtype policy.

        Args:
            config: The configuration of a network that can have a base.
            mean_faces: RGB and mask of each person, 0 to 1.
            performance_size: Numbers that describe a performance.
        """
        super().__init__(config, "base", performance_size)
        self.decoder = _build_decoder(self.network, len(mean_faces) + 1)
        self._max_shift = self.network.mean_face_max_shift
        self._mean_faces = np.stack(mean_faces)
        self.built = True

    def shared_variables(self) -> Collection[int]:
        """Return the `id` of each variable of the encoder and its head."""
        networks = (self.encoder, self.landmark_head)
        return {id(v) for network in networks for v in network.trainable_variables}

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Predict the second person of each pair from the picture of the first.

        Args:
            batch: A batch of `make_pair_dataset`.
            training: Not used; Keras passes it.

        Returns:
            target [b, s, s, 5], prediction [b, s, s, 4], landmarks [2 b, k, 2] and performance
            [b, p].
        """
        targets, inputs = self.augment_batch(batch)
        half = inputs.shape[0] // 2
        latent = self.encoder(inputs[:half])
        heads = self.read_heads(latent)
        person = ops.cast(batch["person"][:, 1], "int32")
        style = ops.cast(batch["styled"][:, 1], "int32") * (person + 1)
        difference, shift, light = self.decoder([latent, style])
        mean_faces = ops.take(ops.convert_to_tensor(self._mean_faces), person, axis=0)
        moved, mirrored = self._max_shift * ops.tanh(shift), batch["mirrored"][:, 1]
        return {
            "target": targets[half:],
            "prediction": add_shifted(difference, mean_faces, moved, light_gains(light), mirrored),
            "shift": shift,
            "landmarks": ops.concatenate([heads["landmarks"], heads["landmarks"]]),
            "performance": heads["performance"],
        }

    def compute_terms(
        self, batch: dict[str, Any], outputs: dict[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """Return the terms of the loss by name, and their weighted sum with the performance's.

        Args:
            batch: A batch of `make_pair_dataset`.
            outputs: What `call` returned.
        """
        terms, total = super().compute_terms(batch, outputs)
        error = ops.mean(ops.abs(outputs["performance"] - batch["performance"][:, 0]))
        return terms, total + _PERFORMANCE_WEIGHT * error


def _build_decoder(config: DfNetwork, styles: int) -> keras.Model:
    """Latent and style -> RGB and mask less the mean face's, its displacements and its light."""
    latent = latent_input(config)
    style = keras.Input((), dtype="int32", name="style")
    inter = keras.Model(latent, apply_inter(latent, config, config.shared_stages), name="inter")

    def apply_style(x: Any, name: str) -> Any:
        return StyleModulation(styles, name=STYLE_PREFIX + name)(x, style)

    outputs = apply_decoder(inter(latent), config, config.shared_stages, apply_style, latent)
    return keras.Model([latent, style], outputs, name="decoder")
