"""The base: weights that every new run can start from, in one file."""

import math
import zipfile
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
from faceloom.safe_read import ZIP_ERRORS, as_artifact_refused, read_npz
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.weight_matching import matching_variables

# Folder of the bases that ship.
_FOLDER = Path(__file__).parents[1] / "bases"
# SHA-256 of each of their files, by its name.
_SHIPPED = {"crowd_128": "41541902615bcca62ba279e0af203f667c168370f9c7d9c78858ab41036fb8f1"}


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


def resolve_start(start: str | Path) -> Path:
    """Return the path of the run or base that a new run starts from.

    Args:
        start: A path, or the name of a base that ships, unless there is a file of that name.
    """
    if str(start) in _SHIPPED and not Path(start).exists():
        return _FOLDER / f"{start}.npz"
    return Path(start)


def read_base(path: Path) -> BaseWeights:
    """Read what `save_base_weights` stored.

    Args:
        path: The file.

    Raises:
        ArtifactRefused: The file is missing, damaged or something else.
    """
    expected = _SHIPPED.get(path.stem) if path.parent == _FOLDER else None
    if expected and (not path.is_file() or sha256_of_file(path) != expected):
        raise ArtifactRefused(f"The base {path} is missing or damaged; install faceloom again.")
    if not path.is_file():
        raise ArtifactRefused(f"There is no base {path}; check the path.")
    with (
        as_artifact_refused(f"{path} is not a base or is damaged", ZIP_ERRORS),
        zipfile.ZipFile(path) as archive,
    ):
        arrays = read_npz(archive)
        if not all(len(name.split("/")) == len(WeightKey._fields) for name in arrays):
            raise ValueError("its arrays are not named NETWORK/LAYER/VARIABLE")
        return {WeightKey(*name.split("/")): float32(value) for name, value in arrays.items()}


def check_base(path: Path, model: SwapModel) -> None:
    """Check that a base gives a model at least one kernel.

    Args:
        path: The base.
        model: The model.

    Raises:
        ArtifactRefused: The base cannot be read, or nothing of it fits.
    """
    if not copy_base(model, read_base(path)):
        raise ArtifactRefused(
            f"{path} has no layer with the name and shape of a layer of the new network; train "
            "with --init-from none, or with the preset that the base was trained for."
        )


def copy_base(model: SwapModel, weights: BaseWeights) -> float:
    """Copy weights of a base to the layers of the same network, name and shape.

    Args:
        model: The model; each of its decoders starts from the base's.
        weights: The weights.

    Returns:
        Fraction of the model's weights that were copied, 0 to 1.
    """
    copied: list[keras.Variable] = []
    for decoder in model.decoders:
        copied += assign_weights({"decoder": decoder}, weights)
    copied += assign_weights({"encoder": model.encoder}, weights)
    # The landmark head reads the latent, so it is only valid with the layer that writes it.
    if any(variable is model.encoder.get_layer("latent").kernel for variable in copied):
        copied += assign_weights({"landmark_head": model.landmark_head}, weights)
    # Layers that decoders share occur once for each of them.
    sizes = {id(variable): math.prod(variable.shape) for variable in copied}
    total = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    return sum(sizes.values()) / total


def assign_weights(
    networks: Mapping[str, keras.Model], weights: BaseWeights
) -> list[keras.Variable]:
    """Copy weights of a base to the layers of networks with the same name and shape.

    Args:
        networks: The networks, by the names of `WeightKey`.
        weights: The weights.

    Returns:
        The variables that have a value now.
    """
    copied = []
    for name, network in networks.items():
        values = {
            (key.layer, key.variable): value
            for key, value in weights.items()
            if key.network == name
        }
        for variable, value in matching_variables(network, values):
            variable.assign(value)
            copied.append(variable)
    return copied
