"""The base: weights that every new run can start from, in one file."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float

from faceloom.atomic import atomic_file



class WeightKey(NamedTuple):
    """Where a weight belongs."""

    network: str
    """encoder, landmark_head or decoder."""
    layer: str
    """Name of the layer."""
    variable: str
    """Name of the variable: kernel or bias."""


BaseWeights: TypeAlias = Mapping[WeightKey, Float[np.ndarray, "..."]]


def save_base_weights(path: Path, weights: BaseWeights) -> None:
    """Store weights in half precision.

    Args:
        path: The file to write, NAME.npz.
        weights: The weights.
    """
    arrays = {"/".join(key): np.float16(value) for key, value in weights.items()}
    with atomic_file(path) as part:
        # savez would add .npz to the name of a path.
        with part.open("wb") as file:
            np.savez(file, **arrays)


def read_base_weights(path: Path) -> BaseWeights:
    """Read what `save_base_weights` stored.

    Args:
        path: The file.
    """
    arrays = np.load(path, allow_pickle=False)
    return {WeightKey(*name.split("/")): np.float32(arrays[name]) for name in arrays.files}
