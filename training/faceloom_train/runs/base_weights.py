"""The base: weights that every new run can start from, in one file."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import keras
import numpy as np
from jaxtyping import Float

from faceloom.array_types import float32
from faceloom.atomic import atomic_file
from faceloom.errors import ArtifactRefused
from faceloom.hashing import sha256_of_file
from faceloom_train.config.schema import BaseName
from faceloom_train.model.networks import iterate_layers
from faceloom_train.model.swap_model import SwapModel

# SHA-256 of the file of each base.
_SHA256: Mapping[BaseName, str] = {"crowd_128": ""}


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
    arrays: dict[str, Any] = {"/".join(key): np.float16(w) for key, w in weights.items()}
    # savez would add .npz to the name of a path.
    with atomic_file(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def base_path(name: BaseName) -> Path:
    """Return the file of a base.

    Args:
        name: Its name.
    """
    return Path(__file__).parents[1] / "base" / f"{name}.npz"


def read_base(name: BaseName) -> BaseWeights:
    """Read a base that ships with Faceloom.

    Args:
        name: Its name.

    Raises:
        ArtifactRefused: The file is damaged.
    """
    path = base_path(name)
    if sha256_of_file(path) != _SHA256[name]:
        raise ArtifactRefused(f"{path} is damaged; install faceloom again.")
    arrays = np.load(path, allow_pickle=False)
    return {WeightKey(*name.split("/")): float32(arrays[name]) for name in arrays.files}


def copy_base(model: SwapModel, weights: BaseWeights) -> float:
    """Copy weights of a base to the layers of the same network, name and shape.

    Args:
        model: The model; each of its decoders starts from the base's.
        weights: The weights.

    Returns:
        Fraction of the model's weights that were copied, 0 to 1.
    """
    networks = [
        ("encoder", model.encoder),
        *(("decoder", decoder) for decoder in model.decoders),
    ]
    copied = [v for name, network in networks for v in _copy_network(network, name, weights)]
    # The landmark head reads the latent, so it is only valid with the layer that writes it.
    if any(variable is model.encoder.get_layer("latent").kernel for variable in copied):
        copied += _copy_network(model.landmark_head, "landmark_head", weights)
    # Layers that decoders share occur once for each of them.
    sizes = {id(variable): math.prod(variable.shape) for variable in copied}
    total = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    return sum(sizes.values()) / total


def _copy_network(network: keras.Model, name: str, weights: BaseWeights) -> list[keras.Variable]:
    """Copy what fits, and return the variables that were overwritten."""
    copied = []
    for layer in iterate_layers(network):
        for variable in layer.trainable_variables:
            value = weights.get(WeightKey(name, layer.name, variable.name))
            if value is not None and value.shape == tuple(variable.shape):
                variable.assign(value)
                copied.append(variable)
    return copied
