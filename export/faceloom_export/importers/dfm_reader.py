"""Read a .dfm of any program and check it before it runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from onnx import SparseTensorProto, TensorProto, TensorShapeProto, numpy_helper
from onnx.external_data_helper import uses_external_data

from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry
from faceloom.hashing import sha256_of
from faceloom.safe_read import as_artifact_refused, read_bounded
from faceloom.swap.bundle.manifest import ImportedRow
from faceloom_export.importers.imported_model import (
    STANDARD_DOMAINS,
    ImportedModel,
    standard_opset,
)

# The largest protobuf message.
_MAX_BYTES = 2**31 - 1
# The nodes that `to_bundle_graph` adds need opset 11; beyond 18 some operators run on the CPU only.
_OPSETS = range(11, 19)
# Older graphs are converted to this opset.
_CONVERTED_OPSET = 12
# Name of the face input, without ":0".
_FACE = "in_face"
# Name of the optional morph input, without ":0".
_MORPH = "morph_value"
# Operators that may run without end.
_LOOPS = {"Loop", "Scan"}
# Accepted sides of the face in pixels.
_SIDES = range(32, 4097)


def read_dfm(path: Path, morph: float) -> ImportedModel:
    """Read and check a .dfm.

    Args:
        path: The file.
        morph: Value, 0..1, that the morph input is fixed at, if the model has one.

    Raises:
        ArtifactRefused: If the file is not ONNX, has custom operators, loops, negative sizes or
            weights in other files, or has inputs or outputs that the format does not have or whose
            size is dynamic.
    """
    check_model_file(path)
    content = read_bounded(path, _MAX_BYTES)
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise ArtifactRefused(
            f"{path} is not a .dfm: it cannot be read as ONNX; download or export it again."
        ) from error
    # ONNX raises ValueError for names that are not UTF-8.
    with as_artifact_refused(
        f"{path} is not a .dfm: it cannot be read as ONNX", (ValueError, TypeError)
    ):
        _check_names(model, path)
        _check_sizes(model, path)
        _check_self_contained(model, path)
        model = _with_supported_opset(model, path)
        has_morph = _fix_inputs(model.graph, path, morph)
        side = _face_side(model.graph, path)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
    row = ImportedRow(
        format="dfm", file=path.name, sha256=sha256_of(content), morph=morph if has_morph else None
    )
    return ImportedModel(model, CropGeometry(size=side, coverage=1), row, metadata)


def check_model_file(path: Path) -> None:
    """Check that a model's file exists and is not too large.

    Args:
        path: The file.

    Raises:
        ArtifactRefused: If the file is missing or larger than 2 GB, the limit of protobuf.
    """
    if not path.is_file():
        raise ArtifactRefused(f"{path} does not exist or is not a file; check the path.")
    if path.stat().st_size > _MAX_BYTES:
        raise ArtifactRefused(
            f"{path} has {path.stat().st_size / 1e9:.1f} GB and a model has at most 2; "
            "check the file."
        )


def _check_names(model: onnx.ModelProto, path: Path) -> None:
    """Refuse names that are not UTF-8, which protobuf returns as bytes."""
    for message in _messages(model):
        for field, value in message.ListFields():
            if field.type != FieldDescriptor.TYPE_STRING:
                continue
            names = [value] if isinstance(value, str | bytes) else value
            if any(isinstance(name, bytes) for name in names):
                raise ArtifactRefused(
                    f"{path} is not a .dfm: a {field.name} of its {message.DESCRIPTOR.name} is not "
                    "UTF-8; download or export it again."
                )


def _check_sizes(model: onnx.ModelProto, path: Path) -> None:
    """Refuse negative sizes: at some of them ONNX's shape inference ends the process."""
    for message in _messages(model):
        sizes: Sequence[int] = ()
        if isinstance(message, TensorShapeProto.Dimension):
            sizes = (message.dim_value,)
        elif isinstance(message, TensorProto | SparseTensorProto):
            sizes = message.dims
        _check(all(size >= 0 for size in sizes), path, "a size in it is negative")


def _messages(message: Message) -> Iterator[Message]:
    """Yield a message and all messages inside it."""
    yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in [value] if isinstance(value, Message) else value:
                yield from _messages(each)


def _check_self_contained(model: onnx.ModelProto, path: Path) -> None:
    """Refuse custom operators, loops and weights in other files."""
    graphs = list(_graphs(model.graph))
    domains = {node.domain for graph in graphs for node in graph.node} - set(STANDARD_DOMAINS)
    if domains or model.functions:
        names = ", ".join(sorted(domains)) or "functions of its own"
        raise ArtifactRefused(
            f"{path} has custom operators ({names}), which are not supported; "
            "export it with standard operators."
        )
    loops = {node.op_type for graph in graphs for node in graph.node} & _LOOPS
    if loops:
        raise ArtifactRefused(
            f"{path} contains loops ({', '.join(sorted(loops))}), which might never end and which "
            "no .dfm needs; use another file."
        )
    if any(uses_external_data(tensor) for graph in graphs for tensor in _tensors(graph)):
        raise ArtifactRefused(f"{path} reads its weights from another file; save it as one file.")


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for subgraph in (attribute.g, *attribute.graphs):
                if subgraph.ByteSize():
                    yield from _graphs(subgraph)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    sparse_tensors = list(graph.sparse_initializer)
    yield from graph.initializer
    for attribute in attributes:
        yield from (attribute.t, *attribute.tensors)
        sparse_tensors += (attribute.sparse_tensor, *attribute.sparse_tensors)
    for sparse in sparse_tensors:
        yield from (sparse.values, sparse.indices)


def _with_supported_opset(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    opset = standard_opset(model)
    if opset in _OPSETS:
        return model
    if opset > _OPSETS[-1]:
        raise ArtifactRefused(
            f"{path} has opset {opset} and {_OPSETS[-1]} is the newest that is supported; "
            "export it with that one."
        )
    try:
        return onnx.version_converter.convert_version(model, _CONVERTED_OPSET)
    except Exception as error:  # the converter raises its own undocumented classes
        raise ArtifactRefused(
            f"{path} has opset {opset}, which cannot be converted to {_CONVERTED_OPSET}; "
            "export it with a newer one."
        ) from error


def _fix_inputs(graph: onnx.GraphProto, path: Path, morph: float) -> bool:
    """Leave the face as the only input; return whether there was a morph input."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    names = [value.name for value in inputs]
    base_names = [name.split(":")[0] for name in names]
    if base_names not in ([_FACE], [_FACE, _MORPH]):
        raise ArtifactRefused(
            f"{path} is not a .dfm: its inputs are {', '.join(names) or 'none'}, and a .dfm has "
            f"{_FACE}:0 and optionally {_MORPH}:0."
        )
    for value in inputs[1:]:
        is_float = value.type.tensor_type.elem_type == TensorProto.FLOAT
        _check(is_float, path, f"{value.name} is not float32")
        graph.initializer.append(numpy_helper.from_array(np.array([morph], np.float32), value.name))
    del graph.input[:]
    graph.input.append(inputs[0])
    return len(inputs) > 1


def _face_side(graph: onnx.GraphProto, path: Path) -> int:
    """Return the side of the input and output faces in pixels."""
    (face,) = graph.input
    count, *size = _shape(face)
    is_float = face.type.tensor_type.elem_type == TensorProto.FLOAT
    _check(is_float, path, f"{face.name} is not float32")
    _check(
        not isinstance(count, int),
        path,
        f"{face.name} takes exactly {count} faces instead of any number",
    )
    _check(
        len(size) == 3 and size[0] == size[1] and size[2] == 3 and size[0] in _SIDES,
        path,
        f"{face.name} has the shape {size} instead of a fixed [side, side, 3]",
    )
    _check(len(graph.output) == 3, path, f"it has {len(graph.output)} outputs instead of three")
    return int(size[0])


def _shape(value: onnx.ValueInfoProto) -> list[int | str]:
    """Return the sizes of a value's axes; a string for a dynamic axis, [""] if none is given."""
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in dims] or [""]


def _check(condition: bool, path: Path, problem: str) -> None:
    if not condition:
        raise ArtifactRefused(f"{path} is not a .dfm that can be imported: {problem}.")
