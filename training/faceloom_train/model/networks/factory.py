"""Build Keras graphs from a network's configuration."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.config.schema import Network
from faceloom_train.model.layers import MeanFace
from faceloom_train.model.networks import df, liae, original


@dataclass(frozen=True)
class Networks:
    """The graphs of a model. Layers that identities share are the same objects in each decoder."""

    encoder: keras.Model
    """RGB [n, s, s, 3], 0 to 1 -> latent [n, c]."""
    landmark_head: keras.Model
    """Latent -> [n, 2 k]: `EXPRESSION_LANDMARKS` less each identity's median, in LANDMARK_UNIT."""
    decoders: tuple[keras.Model, ...]
    """For each identity: latent -> RGB and mask [n, s, s, 4], float32, about 0 to 1, with the gain
    of the lids."""
    training_decoders: tuple[keras.Model, ...]
    """The same decoders with a second input [n]: 1 where a face is mirrored, else 0, and without
    the gain of the lids (`lids_gain`). They return a dict: "prediction", RGB and mask, and, if the
    mean face may shift, "shift", its displacements before the tanh."""

    def predict(self, faces: Any, identity: int) -> Any:
        """Encode faces and decode them as an identity.

        Args:
            faces: RGB [n, s, s, 3], 0 to 1.
            identity: Index of the decoder.

        Returns:
            RGB and mask [n, s, s, 4], about 0 to 1.
        """
        return self.decoders[identity](self.encoder(faces))


def build_networks(config: Network, identities: Sequence[str]) -> Networks:
    """Build the graphs under Keras' current dtype policy.

    Args:
        config: The network.
        identities: The identities, in the order of their decoders.
    """
    kind: Any = {"original": original, "df": df, "liae": liae}[config.kind]
    encoder = kind.build_encoder(config)
    decoders = kind.build_decoders(config, len(identities))
    return Networks(
        encoder,
        build_landmark_head(encoder.output_shape[-1]),
        decoders,
        tuple(map(_with_mirrored_input, decoders)),
    )


def iterate_layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """Iterate over the layers of a graph and of the graphs inside it.

    Args:
        network: The graph.

    Yields:
        Layers that are not graphs themselves.
    """
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from iterate_layers(layer)
        else:
            yield layer


def build_landmark_head(latent_dim: int) -> keras.Model:
    """Build a linear prediction of the landmarks.

    It starts at random: from zeros no gradient would reach the encoder at first, which costs
    movement for good.

    Args:
        latent_dim: Length of the latent.
    """
    latent = keras.Input((latent_dim,), name="latent")
    dense = keras.layers.Dense(2 * len(EXPRESSION_LANDMARKS), dtype="float32", name="landmarks")
    return keras.Model(latent, dense(latent), name="landmark_head")


def _with_mirrored_input(decoder: keras.Model) -> keras.Model:
    """Add the input `mirrored`, which only the mean face uses."""
    mirrored = keras.Input((), dtype="float32", name="mirrored")
    mean_face = decoder.layers[-1]
    if not isinstance(mean_face, MeanFace):
        return keras.Model([decoder.input, mirrored], {"prediction": decoder.output})
    inputs = mean_face.input if isinstance(mean_face.input, list) else [mean_face.input]
    outputs = {"prediction": mean_face(*inputs, mirrored=mirrored)}
    if len(inputs) > 1:
        outputs["shift"] = inputs[1]
    return keras.Model([decoder.input, mirrored], outputs)
