"""Read a .dfm of any program, and refuse what is none before it runs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper
from onnx.external_data_helper import uses_external_data

from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry
from faceloom.hashing import sha256_of
from faceloom.safe_read import read_bounded, refused_as
from faceloom.swap.bundle.manifest import ImportedRow
from faceloom_export.importers.imported_model import Foreign

# Protobuf ends here.
_MOST_BYTES = 2**31 - 1
# Our ends need operators of 11; beyond 18 some run only on the CPU.
_OPSETS = range(11, 19)
_RAISED_TO = 12
_FACE, _MORPH = "in_face", "morph_value"
_PLAIN = ("", "ai.onnx")
# Operators that may run as often as they like.
_ENDLESS = {"Loop", "Scan"}
_SIDES = range(32, 4097)


def read_dfm(path: Path, morph: float) -> Foreign:
    """Read and check a .dfm; a slider that it has is fixed at `morph`.

    Raises ArtifactRefused for what is no ONNX, custom operators, weights in other files, and inputs or outputs that
    the format does not have or whose size is open.
    """
    content = read_limited(path)
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise ArtifactRefused(
            f"{path} is no .dfm: it cannot be read as ONNX; take the file anew."
        ) from error
    # ValueError: names that are no UTF-8.
    with refused_as(f"{path} is no .dfm: it cannot be read as ONNX", (ValueError, TypeError)):
        _refuse_foreign_parts(model, path)
        model = _with_known_opset(model, path)
        slid = _fix_inputs(model.graph, path, morph)
        side = _side(model.graph, path)
        metadata = {entry.key: entry.value for entry in model.metadata_props}
    row = ImportedRow(
        format="dfm", file=path.name, sha256=sha256_of(content), morph=morph if slid else None
    )
    return Foreign(model, CropGeometry(size=side, coverage=1), row, metadata)


def read_limited(path: Path) -> bytes:
    """Return a file's bytes; raise ArtifactRefused if it is not there or larger than a model can be."""
    if not path.is_file():
        raise ArtifactRefused(f"{path} does not exist or is no file; check the path.")
    if path.stat().st_size > _MOST_BYTES:
        raise ArtifactRefused(
            f"{path} has {path.stat().st_size / 1e9:.1f} GB and a model ends at 2; check the file."
        )
    return read_bounded(path, _MOST_BYTES)


def _refuse_foreign_parts(model: onnx.ModelProto, path: Path) -> None:
    graphs = list(_graphs(model.graph))
    domains = {node.domain for graph in graphs for node in graph.node} - set(_PLAIN)
    if domains or model.functions:
        named = ", ".join(sorted(domains)) or "functions of its own"
        raise ArtifactRefused(
            f"{path} has custom operators ({named}), which no runtime here knows."
        )
    loops = {node.op_type for graph in graphs for node in graph.node} & _ENDLESS
    if loops:
        raise ArtifactRefused(
            f"{path} repeats itself ({', '.join(sorted(loops))}), which might never end and no .dfm does."
        )
    if any(uses_external_data(tensor) for graph in graphs for tensor in _tensors(graph)):
        raise ArtifactRefused(f"{path} draws its weights from another file; save it as one file.")


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.ByteSize():
                    yield from _graphs(inner)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)


def _with_known_opset(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    opset = next((entry.version for entry in model.opset_import if entry.domain in _PLAIN), 0)
    if opset in _OPSETS:
        return model
    if opset > _OPSETS[-1]:
        raise ArtifactRefused(
            f"{path} has opset {opset} and {_OPSETS[-1]} is the newest that is read; export it so."
        )
    try:
        return onnx.version_converter.convert_version(model, _RAISED_TO)
    except Exception as error:  # the converter raises its own undocumented kinds
        raise ArtifactRefused(
            f"{path} has opset {opset}, too old to be raised to {_RAISED_TO}."
        ) from error


def _fix_inputs(graph: onnx.GraphProto, path: Path, morph: float) -> bool:
    """Leave the face as the only input; return whether there was a slider."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    names = [value.name for value in inputs]
    known = [name.split(":")[0] for name in names]
    if known not in ([_FACE], [_FACE, _MORPH]):
        raise ArtifactRefused(
            f"{path} is no .dfm: it takes {', '.join(names) or 'nothing'}, and a .dfm takes {_FACE}:0 and at most "
            f"{_MORPH}:0 besides."
        )
    for value in inputs[1:]:
        _refuse_unless(
            value.type.tensor_type.elem_type == TensorProto.FLOAT,
            path,
            f"{value.name} is not float32",
        )
        graph.initializer.append(numpy_helper.from_array(np.array([morph], np.float32), value.name))
    del graph.input[:]
    graph.input.append(inputs[0])
    return len(inputs) > 1


def _side(graph: onnx.GraphProto, path: Path) -> int:
    """Return the pixels of the faces' side, the same in and out."""
    (face,) = graph.input
    count, *size = _shape(face)
    _refuse_unless(
        face.type.tensor_type.elem_type == TensorProto.FLOAT, path, f"{face.name} is not float32"
    )
    _refuse_unless(
        not isinstance(count, int),
        path,
        f"{face.name} takes exactly {count} faces and not any number",
    )
    _refuse_unless(
        len(size) == 3 and size[0] == size[1] and size[2] == 3 and size[0] in _SIDES,
        path,
        f"{face.name} has the shape {size or 'of nothing'} and not a fixed [side, side, 3]",
    )
    _refuse_unless(
        len(graph.output) == 3, path, f"it gives {len(graph.output)} outputs and not three"
    )
    return int(size[0])


def _shape(value: onnx.ValueInfoProto) -> list[int | str]:
    """Return the sizes, a name ("" if it has none) for each that is open; [""] if nothing is said."""
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else dim.dim_param for dim in dims] or [""]


def _refuse_unless(right: bool, path: Path, what: str) -> None:
    if not right:
        raise ArtifactRefused(f"{path} is no .dfm that can be imported: {what}.")
