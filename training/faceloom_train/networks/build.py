"""From a configuration to Keras graphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from faceloom_train.config import DfNetwork, OriginalNetwork
from faceloom_train.networks import df, original


@dataclass(frozen=True)
class Networks:
    """encoder: RGB 0..1 [n, s, s, 3] -> code [n, c]. inter: code -> features.

    decoders, one an identity: features -> RGB and mask [n, s, s, 4], float32, about 0..1.
    """

    encoder: keras.Model
    inter: keras.Model
    decoders: tuple[keras.Model, ...]

    def decode(self, faces: Any, decoder: int) -> Any:
        """Draw faces as identity number `decoder`."""
        return self.decoders[decoder](self.inter(self.encoder(faces)))


def build_networks(config: OriginalNetwork | DfNetwork, identities: Sequence[str]) -> Networks:
    """Build the graphs under Keras' current dtype policy."""
    rooms = original if isinstance(config, OriginalNetwork) else df
    return Networks(
        encoder=rooms.build_encoder(config),
        inter=rooms.build_inter(config),
        decoders=tuple(rooms.build_decoder(config, f"decoder_{n}") for n, _ in enumerate(identities)),
    )
