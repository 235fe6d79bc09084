"""Write a .dfm of 1 kB with a known network: it halves blue, keeps green and zeroes red."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Side of the faces in pixels.
SIDE = 48
# Factors of the blue, green and red channels.
BGR_FACTORS = (0.5, 1.0, 0.0)
# Value of the target's mask, 0..1, at every pixel.
TARGET_MASK = 0.75
# Value of the swapped face's mask, 0..1, at every pixel.
SWAPPED_MASK = 0.5

# Names and channels of the outputs.
_OUTPUTS = (("out_face_mask:0", 1), ("out_celeb_face:0", 3), ("out_celeb_face_mask:0", 1))


def write_dfm(
    path: Path,
    *,
    morph: bool = False,
    shape: Sequence[object] = ("n", SIDE, SIDE, 3),
    opset: int = 12,
    domain: str = "",
    more_inputs: Sequence[str] = (),
    output_count: int = 3,
    custom_domain: str = "",
    external_file: str = "",
    sparse_file: str = "",
    square: bool = True,
) -> Path:
    """Write the file, valid unless an argument makes it otherwise.

    Args:
        path: The file to write.
        morph: Whether it has a morph input, which inverts the picture by its value.
        shape: Shape of the face input.
        opset: ONNX opset version.
        domain: Name of the standard operators' domain: "" or "ai.onnx".
        more_inputs: Names of further inputs.
        output_count: Number of outputs.
        custom_domain: Domain of a custom operator to add.
        external_file: File that the weights claim to be stored in.
        sparse_file: File that a sparse constant to add claims to be stored in.
        square: Whether the output has as many rows as the input; False gives one row fewer.

    Returns:
        The path.
    """
    inputs = [helper.make_tensor_value_info("in_face:0", TensorProto.FLOAT, shape)]
    names = [*(["morph_value:0"] if morph else []), *more_inputs]
    inputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in names]
    nodes = [*_face_nodes(morph=morph), *_mask_nodes()]
    if custom_domain:
        nodes.append(helper.make_node("Magic", ["face"], ["unused"], domain=custom_domain))
    if sparse_file:
        nodes.append(_sparse_constant(sparse_file))
    constants = _constants(rows=SIDE if square else SIDE - 1)
    if external_file:
        onnx.external_data_helper.set_external_data(constants[0], external_file)
        constants[0].ClearField("raw_data")
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None, channels])
        for name, channels in _OUTPUTS[:output_count]
    ]
    graph = helper.make_graph(nodes, "dfm", inputs, outputs, constants)
    opsets = [helper.make_opsetid(domain, opset)]
    opsets += [helper.make_opsetid(custom_domain, 1)] if custom_domain else []
    model = helper.make_model(graph, opset_imports=opsets, ir_version=7)
    path.write_bytes(model.SerializeToString())
    return path


def _sparse_constant(external_file: str) -> onnx.NodeProto:
    values = helper.make_tensor("values", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("indices", TensorProto.INT64, [1], [0])
    sparse = helper.make_sparse_tensor(values, indices, [2])
    # set_external_data requires raw_data.
    sparse.values.raw_data = sparse.values.SerializeToString()
    onnx.external_data_helper.set_external_data(sparse.values, external_file)
    sparse.values.ClearField("raw_data")
    return helper.make_node("Constant", [], ["unused"], sparse_value=sparse)


def _face_nodes(*, morph: bool) -> list[onnx.NodeProto]:
    scale = helper.make_node("Mul", ["in_face:0", "bgr"], ["face"])
    if not morph:
        slice_ = helper.make_node("Slice", ["face", "first", "rows", "axis"], ["out_celeb_face:0"])
        return [scale, slice_]
    return [
        scale,
        helper.make_node("Sub", ["one", "face"], ["inverted"]),
        helper.make_node("Sub", ["inverted", "face"], ["change"]),
        helper.make_node("Mul", ["change", "morph_value:0"], ["moved"]),
        helper.make_node("Add", ["face", "moved"], ["out_celeb_face:0"]),
    ]


def _mask_nodes() -> list[onnx.NodeProto]:
    """Return the nodes of both masks: the mean over channels, clipped to a constant."""
    nodes = []
    for name, value in (
        ("out_face_mask:0", "target_mask"),
        ("out_celeb_face_mask:0", "swapped_mask"),
    ):
        nodes += [
            helper.make_node("ReduceMean", ["in_face:0"], [f"{name}mean"], axes=[3], keepdims=1),
            helper.make_node("Clip", [f"{name}mean", value, value], [name]),
        ]
    return nodes


def _constants(rows: int) -> list[onnx.TensorProto]:
    floats = {
        "bgr": BGR_FACTORS,
        "one": 1,
        "target_mask": TARGET_MASK,
        "swapped_mask": SWAPPED_MASK,
    }
    tensors = [
        numpy_helper.from_array(np.asarray(value, np.float32), name)
        for name, value in floats.items()
    ]
    integers = {"first": 0, "rows": rows, "axis": 1}
    tensors += [
        numpy_helper.from_array(np.array([value], np.int64), name)
        for name, value in integers.items()
    ]
    return tensors
