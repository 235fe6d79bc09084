"""From a configuration to Keras graphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from faceloom_train.config import Network
from faceloom_train.networks import df, liae, original


@dataclass(frozen=True)
class Networks:
    """encoder: RGB 0..1 [n, s, s, 3] -> code [n, c].

    decoders, one an identity: code -> RGB and mask [n, s, s, 4], float32, about 0..1. What identities share
    is the same layers in each of their decoders.
    """

    encoder: keras.Model
    decoders: tuple[keras.Model, ...]

    def decode(self, faces: Any, decoder: int) -> Any:
        """Draw faces as identity number `decoder`."""
        return self.decoders[decoder](self.encoder(faces))


def build_networks(config: Network, identities: Sequence[str]) -> Networks:
    """Build the graphs under Keras' current dtype policy."""
    kind: Any = {"original": original, "df": df, "liae": liae}[config.kind]
    return Networks(kind.build_encoder(config), kind.build_decoders(config, len(identities)))
