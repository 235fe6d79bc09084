"""Read a faceswap model `original` (.keras): numbers and names out of a .zip, nothing loaded as code.

The file holds `config.json`, which says the layers, and `model.weights.h5`. Keras would make classes that the
file names; here the layers are only looked up in a short list of known ones, and drawn in ONNX (`chain`).
"""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper
from pydantic import BaseModel, Field, ValidationError

from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry
from faceloom.hashing import sha256_of
from faceloom.json_documents import first_problem
from faceloom.safe_read import MOST_OF_A_DOCUMENT
from faceloom.swap.bundle.archive import opened_zip
from faceloom.swap.bundle.manifest import ImportedRow
from faceloom_export.graph.keras_to_onnx import Chain, Layer, UnknownLayer
from faceloom_export.importers.dfm_reader import read_limited
from faceloom_export.importers.imported_model import Foreign
from faceloom_train.runs.hdf5_validation import DAMAGED, arrays_of, numbers_of

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_SUBMODELS = ("Functional", "Model")
_OPSET, _IR = 17, 8
# The layers that hold weights, and what Keras calls their places in the file.
_PLACES = {"Conv2D": "conv2d", "Dense": "dense"}


class _LayerJson(BaseModel):
    """What is used of a layer's entry; further keys come and go with Keras' versions."""

    class_name: str
    name: str
    config: dict[str, Any]
    inbound_nodes: list[Any] = []


class _ModelJson(BaseModel):
    """What is used of a model's entry."""

    name: str
    layers: Annotated[list[_LayerJson], Field(min_length=1)]


def read_faceswap(path: Path, side: str, coverage: float) -> Foreign:
    """Read the encoder and one decoder ("a" or "b") of a faceswap model.

    coverage: of its crop, in sides of DeepFaceLab's whole face, which the file does not say. The model draws no
    mask, so all of the crop counts as face, and conversion cuts it to the target's outline. Raises ArtifactRefused
    for a damaged file, a layer that `original` does not have, or a model without that decoder.
    """
    content = read_limited(path)
    with opened_zip(content, path) as archive:
        config = _read_config(archive, path)
        weights = _read_weights(archive, path)
    try:
        model, size = _drawn(config, weights, side)
    except ValidationError as error:
        raise ArtifactRefused(f"{path}, {_CONFIG}: {first_problem(error)}.") from error
    except UnknownLayer as error:
        raise ArtifactRefused(f"{path}: {error}; only the model `original` is imported.") from error
    # A setting of another kind than Keras writes.
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise ArtifactRefused(
            f"{path}, {_CONFIG}: a layer is not as Keras writes it ({str(error)[:100]})."
        ) from error
    row = ImportedRow(format="faceswap", file=path.name, sha256=sha256_of(content))
    return Foreign(model, CropGeometry(size=size, coverage=coverage), row, {})


def _read_config(archive: zipfile.ZipFile, path: Path) -> _ModelJson:
    try:
        if archive.getinfo(_CONFIG).file_size > MOST_OF_A_DOCUMENT:
            raise ArtifactRefused(f"{path}: its {_CONFIG} is too large to be one of `original`.")
        return _ModelJson.model_validate(json.loads(archive.read(_CONFIG))["config"])
    except ValidationError as error:
        raise ArtifactRefused(f"{path}, {_CONFIG}: {first_problem(error)}.") from error
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise ArtifactRefused(
            f"{path} is no Keras model: its {_CONFIG} is missing or damaged."
        ) from error


def _read_weights(archive: zipfile.ZipFile, path: Path) -> dict[str, np.ndarray]:
    """Return every array by its path in the file."""
    try:
        content = archive.read(_WEIGHTS)
        with h5py.File(io.BytesIO(content), "r") as file:
            arrays = arrays_of(file, path, len(content))
            return {
                name: numbers_of(array)
                for name, array in arrays.items()
                if array.dtype.kind == "f" and "vars" in name
            }
    except DAMAGED as error:
        raise ArtifactRefused(
            f"{path} is no Keras model: its {_WEIGHTS} is missing or damaged."
        ) from error


def _drawn(
    config: _ModelJson, weights: dict[str, np.ndarray], side: str
) -> tuple[onnx.ModelProto, int]:
    """Return the encoder and one decoder in ONNX, and their picture's side."""
    parts = dict(_submodels(config))
    wanted = ("encoder", f"decoder_{side}")
    for name in wanted:
        if name not in parts:
            raise UnknownLayer(f"it has no part {name!r} (it has {', '.join(parts) or 'none'})")
    size = _size(parts["encoder"])
    chain = Chain(size)
    for layer in (layer for name in wanted for layer in parts[name]):
        chain.add(layer, [weights.get(f"{layer.place}/vars/{number}") for number in (0, 1)])
    return _with_outputs(chain, size), size


def _submodels(config: _ModelJson) -> Iterator[tuple[str, list[Layer]]]:
    """Yield each part's name and its layers, with the place that Keras gives their weights.

    Keras numbers layers of one class in their order: functional, functional_1, ...; inside each, conv2d, conv2d_1, ...
    """
    for number, part in enumerate(
        layer for layer in config.layers if layer.class_name in _SUBMODELS
    ):
        model = _ModelJson.model_validate(part.config)
        yield part.name, list(_layers(model, f"layers/{_numbered('functional', number)}"))


def _layers(model: _ModelJson, place: str) -> Iterator[Layer]:
    seen: dict[str, int] = {}
    for before, layer in zip([None, *model.layers], model.layers, strict=False):
        if _taken(layer) != ([before.name] if before else []):
            raise UnknownLayer(f"the layer {layer.name} does not take what the one before it gives")
        kind = _PLACES.get(layer.class_name, "")
        number = seen[kind] = seen.get(kind, -1) + 1
        yield Layer(
            layer.class_name, layer.name, layer.config, f"{place}/layers/{_numbered(kind, number)}"
        )


def _taken(layer: _LayerJson) -> list[str]:
    """Return the names of the layers that a layer takes its input from."""
    try:
        return [
            value["config"]["keras_history"][0]
            for node in layer.inbound_nodes
            for value in node["args"]
        ]
    except (KeyError, IndexError, TypeError) as error:
        raise UnknownLayer(f"the inputs of {layer.name} are not as Keras 3 writes them") from error


def _numbered(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind


def _size(encoder: list[Layer]) -> int:
    shape = encoder[0].config.get("batch_shape") or []
    if (
        encoder[0].kind != "InputLayer"
        or len(shape) != 4
        or shape[1] not in range(32, 1025)
        or shape[2:] != [shape[1], 3]
    ):
        raise UnknownLayer("its encoder does not take square pictures")
    return int(shape[1])


def _with_outputs(chain: Chain, size: int) -> onnx.ModelProto:
    """Close the graph in the form of a .dfm: mask, face, mask, the masks full."""
    if chain.shape != (3, size, size):
        raise UnknownLayer(f"the decoder draws {chain.shape} and not a picture of {size} pixels")
    chain.constant("one", np.asarray(1, np.float32))
    nodes = [
        *chain.nodes,
        helper.make_node("Transpose", [chain.value], ["face"], perm=[0, 2, 3, 1]),
        helper.make_node("ReduceMax", ["face"], ["flat"], axes=[3], keepdims=1),
        helper.make_node("Clip", ["flat", "one", "one"], ["full"]),
        helper.make_node("Identity", ["full"], ["full_again"]),
    ]
    taken = helper.make_tensor_value_info(chain.taken, TensorProto.FLOAT, ["batch", size, size, 3])
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size, size, channels])
        for name, channels in (("full", 1), ("face", 3), ("full_again", 1))
    ]
    graph = helper.make_graph(nodes, "faceswap", [taken], given, chain.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
