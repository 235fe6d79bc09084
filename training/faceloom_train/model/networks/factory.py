"""From a configuration to Keras graphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from faceloom.faces.landmarks import EXPRESSION_LANDMARKS
from faceloom_train.config.schema import Network
from faceloom_train.model.layers import Template
from faceloom_train.model.networks import df, liae, original


@dataclass(frozen=True)
class Networks:
    """encoder: RGB 0..1 [n, s, s, 3] -> code [n, c].

    landmarks: code -> [n, 2 p], of EXPRESSION, less each identity's median, in LANDMARK_UNIT: linear in the code.
    decoders, one an identity: code -> RGB and mask [n, s, s, 4], float32, about 0..1. What identities share
    is the same layers in each of their decoders. trained: the same, for training: code, and [n] of
    which faces are mirrored, 0 or 1 -> RGB and mask.
    """

    encoder: keras.Model
    landmarks: keras.Model
    decoders: tuple[keras.Model, ...]
    trained: tuple[keras.Model, ...]

    def decode(self, faces: Any, decoder: int) -> Any:
        """Draw faces as identity number `decoder`."""
        return self.decoders[decoder](self.encoder(faces))


def build_networks(config: Network, identities: Sequence[str]) -> Networks:
    """Build the graphs under Keras' current dtype policy."""
    kind: Any = {"original": original, "df": df, "liae": liae}[config.kind]
    encoder = kind.build_encoder(config)
    decoders = kind.build_decoders(config, len(identities))
    return Networks(
        encoder, _landmarks(encoder.output_shape[-1]), decoders, tuple(map(_trained, decoders))
    )


def _landmarks(numbers: int) -> keras.Model:
    """What reads the landmarks from a code of so many numbers.

    It begins at random: at nothing it would tell the encoder nothing at first, which costs movement for good.
    """
    code = keras.Input((numbers,), name="code")
    dense = keras.layers.Dense(2 * len(EXPRESSION_LANDMARKS), dtype="float32", name="landmarks")
    return keras.Model(code, dense(code), name="landmark_head")


def _trained(decoder: keras.Model) -> keras.Model:
    """Let a decoder be told what is mirrored: of its layers only the template asks."""
    mirrored = keras.Input((), dtype="float32", name="mirrored")
    template = decoder.layers[-1]
    if not isinstance(template, Template):
        return keras.Model([decoder.input, mirrored], decoder.output)
    inputs = template.input if isinstance(template.input, list) else [template.input]
    return keras.Model([decoder.input, mirrored], template(*inputs, mirrored=mirrored))
