"""Read a faceswap model `original` (.keras) without loading any of it as code.

The file is a .zip with `config.json`, which describes the layers, and `model.weights.h5`. Keras
would import classes that the file names. Here each layer must be in a short list of supported
ones, and is built in ONNX (`keras_to_onnx`).
"""

import json
import zipfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper
from pydantic import BaseModel, Field, ValidationError

from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import WHOLE_FACE_TEMPLATE, CropGeometry
from faceloom.hashing import sha256_of_file
from faceloom.json_documents import first_validation_error
from faceloom.safe_read import MAX_DOCUMENT_BYTES
from faceloom.swap.bundle.archive import open_zip
from faceloom.swap.bundle.manifest import ImportedRow
from faceloom_export.graph.keras_to_onnx import LayerSpec, OnnxGraphBuilder, UnsupportedLayer
from faceloom_export.importers.dfm_reader import check_model_file
from faceloom_export.importers.imported_model import ImportedModel
from faceloom_export.importers.zip_member import open_zip_member
from faceloom_train.runs.hdf5_validation import HDF5_ERRORS, find_datasets, read_float32

# The member that describes the layers.
_CONFIG = "config.json"
# The member that holds the weights.
_WEIGHTS = "model.weights.h5"
# Class names of the encoder and the decoders inside the model.
_SUBMODELS = ("Functional", "Model")
# Opset of the graph.
_OPSET = 17
# The ONNX IR version that belongs to this opset.
_IR_VERSION = 8
# The layers with weights, and the name that Keras gives their group in the HDF5 file.
_WEIGHT_GROUPS = {"Conv2D": "conv2d", "Dense": "dense"}
# How much lower the five points lie in faceswap's square (its centering "face") than in
# DeepFaceLab's whole face, in sides of the whole face. Mean over 220 frames of five rendered
# people, by faceswap's own alignment of their exact landmarks; the five have 0.038 to 0.054.
_LOWER = 0.046
_TEMPLATE = tuple((x, y + _LOWER) for x, y in WHOLE_FACE_TEMPLATE)
# Side of that square at faceswap's default coverage of 87.5 %, in sides of the whole face; measured
# alike, 0.83 to 0.87.
DEFAULT_COVERAGE = 0.85
# Accepted sides of the encoder's input in pixels.
_SIDES = range(32, 1025)


class _LayerJson(BaseModel):
    """The keys of a layer that are used; the others vary between Keras versions."""

    class_name: str
    name: str
    config: dict[str, Any]
    inbound_nodes: list[Any] = []


class _ModelJson(BaseModel):
    """The keys of a model that are used."""

    name: str
    layers: Annotated[list[_LayerJson], Field(min_length=1)]


def read_faceswap(path: Path, side: str, coverage: float) -> ImportedModel:
    """Read the encoder and one decoder of a faceswap model.

    The model predicts no mask, so the whole crop counts as face and conversion limits it to the
    target's outline.

    Args:
        path: The .keras file.
        side: The decoder, "a" or "b".
        coverage: Coverage of the model's crops, which the file does not record.

    Raises:
        ArtifactRefused: If the file is damaged, has a layer that `original` does not have, or
            lacks that decoder.
    """
    check_model_file(path)
    with open_zip(path) as archive:
        config = _read_config(archive, path)
        with _refuse_other_models(path):
            layers = _needed_layers(config, side)
        names = [name for layer in layers for name in _weight_names(layer)]
        weights = _read_weights(archive, path, names)
    with _refuse_other_models(path):
        model, size = _build_model(layers, weights)
    row = ImportedRow(format="faceswap", file=path.name, sha256=sha256_of_file(path))
    crop = CropGeometry(size=size, coverage=coverage, template=_TEMPLATE)
    return ImportedModel(model, crop, row, {})


@contextmanager
def _refuse_other_models(path: Path) -> Iterator[None]:
    """Turn what building another model raises into ArtifactRefused."""
    try:
        yield
    except ValidationError as error:
        raise ArtifactRefused(f"{path}, {_CONFIG}: {first_validation_error(error)}.") from error
    except UnsupportedLayer as error:
        raise ArtifactRefused(
            f"{path}: {error}; only the model `original` can be imported."
        ) from error
    # A setting of another type than Keras writes.
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise ArtifactRefused(
            f"{path}, {_CONFIG}: a layer is not as Keras writes it ({str(error)[:100]})."
        ) from error


def _read_config(archive: zipfile.ZipFile, path: Path) -> _ModelJson:
    try:
        if archive.getinfo(_CONFIG).file_size > MAX_DOCUMENT_BYTES:
            raise ArtifactRefused(
                f"{path}: its {_CONFIG} is too large for the model `original`; check the file."
            )
        return _ModelJson.model_validate(json.loads(archive.read(_CONFIG))["config"])
    except ValidationError as error:
        raise ArtifactRefused(f"{path}, {_CONFIG}: {first_validation_error(error)}.") from error
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise ArtifactRefused(
            f"{path} is not a Keras model: its {_CONFIG} is missing or damaged."
        ) from error


def _read_weights(
    archive: zipfile.ZipFile, path: Path, names: Collection[str]
) -> dict[str, np.ndarray]:
    """Return the weight arrays of these paths in the HDF5 file, as far as they exist."""
    try:
        with (
            open_zip_member(archive, _WEIGHTS, path) as content,
            h5py.File(content, "r") as file,
        ):
            datasets = find_datasets(file, path, archive.getinfo(_WEIGHTS).file_size)
            return {
                name: read_float32(datasets[name])
                for name in names
                if name in datasets and datasets[name].dtype.kind == "f"
            }
    except HDF5_ERRORS as error:
        raise ArtifactRefused(
            f"{path} is not a Keras model: its {_WEIGHTS} is missing or damaged."
        ) from error


def _needed_layers(config: _ModelJson, side: str) -> list[LayerSpec]:
    """Return the layers of the encoder and of one decoder in order."""
    submodels = dict(_submodels(config))
    needed = ("encoder", f"decoder_{side}")
    for name in needed:
        if name not in submodels:
            raise UnsupportedLayer(
                f"it has no part {name!r} (it has {', '.join(submodels) or 'none'})"
            )
    return [layer for name in needed for layer in submodels[name]]


def _weight_names(layer: LayerSpec) -> list[str]:
    """Return the paths of a layer's kernel and bias in the HDF5 file."""
    return [f"{layer.weights_path}/vars/{index}" for index in (0, 1)]


def _build_model(
    layers: Sequence[LayerSpec], weights: dict[str, np.ndarray]
) -> tuple[onnx.ModelProto, int]:
    """Return the layers in ONNX, and the side of their images. Removes the weights it has used."""
    size = _image_side(layers[0])
    builder = OnnxGraphBuilder(size)
    for layer in layers:
        builder.add(layer, [weights.pop(name, None) for name in _weight_names(layer)])
    return _with_dfm_outputs(builder, size), size


def _submodels(config: _ModelJson) -> Iterator[tuple[str, list[LayerSpec]]]:
    """Yield each submodel's name and its layers.

    Keras numbers the groups of the HDF5 file by class: functional, functional_1, ...; inside each,
    conv2d, conv2d_1, ...
    """
    parts = [layer for layer in config.layers if layer.class_name in _SUBMODELS]
    for index, part in enumerate(parts):
        model = _ModelJson.model_validate(part.config)
        yield part.name, list(_layers(model, f"layers/{_numbered('functional', index)}"))


def _layers(model: _ModelJson, group: str) -> Iterator[LayerSpec]:
    counts: dict[str, int] = {}
    for previous, layer in zip([None, *model.layers], model.layers, strict=False):
        if _input_layers(layer) != ([previous.name] if previous else []):
            raise UnsupportedLayer(
                f"the layer {layer.name} does not take the output of the layer before it"
            )
        kind = _WEIGHT_GROUPS.get(layer.class_name, "")
        index = counts[kind] = counts.get(kind, -1) + 1
        yield LayerSpec(
            layer.class_name, layer.name, layer.config, f"{group}/layers/{_numbered(kind, index)}"
        )


def _input_layers(layer: _LayerJson) -> list[str]:
    """Return the names of the layers whose outputs a layer takes."""
    try:
        return [
            value["config"]["keras_history"][0]
            for node in layer.inbound_nodes
            for value in node["args"]
        ]
    except (KeyError, IndexError, TypeError) as error:
        raise UnsupportedLayer(
            f"the inputs of {layer.name} are not as Keras 3 writes them"
        ) from error


def _numbered(name: str, index: int) -> str:
    return f"{name}_{index}" if index else name


def _image_side(first: LayerSpec) -> int:
    shape = first.config.get("batch_shape") or []
    if (
        first.class_name != "InputLayer"
        or len(shape) != 4
        or shape[1] not in _SIDES
        or shape[2:] != [shape[1], 3]
    ):
        raise UnsupportedLayer("its encoder does not take square RGB images")
    return int(shape[1])


def _with_dfm_outputs(builder: OnnxGraphBuilder, size: int) -> onnx.ModelProto:
    """Finish the graph with a .dfm's outputs: mask, face, mask, where both masks are 1."""
    if builder.shape != (3, size, size):
        raise UnsupportedLayer(
            f"the decoder's output is {builder.shape} instead of an image of {size} pixels"
        )
    builder.add_constant("one", np.asarray(1, np.float32))
    nodes = [
        *builder.nodes,
        helper.make_node("Transpose", [builder.output], ["face"], perm=[0, 2, 3, 1]),
        helper.make_node("ReduceMax", ["face"], ["flat"], axes=[3], keepdims=1),
        helper.make_node("Clip", ["flat", "one", "one"], ["full"]),
        helper.make_node("Identity", ["full"], ["full_again"]),
    ]
    face = helper.make_tensor_value_info(builder.input, TensorProto.FLOAT, ["batch", size, size, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size, size, channels])
        for name, channels in (("full", 1), ("face", 3), ("full_again", 1))
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "faceswap", [face], outputs),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    # Each is copied once, and the builder's goes: `make_graph` and `make_model` copy all of them.
    while builder.constants:
        model.graph.initializer.append(builder.constants.pop(0))
    return model
