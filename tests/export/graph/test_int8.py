"""Quantization to int8 of graphs that interpolate."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper
from onnx.defs import onnx_opset_version

from faceloom_export.graph.int8 import to_int8

SIDE = 8


def _interpolating_graph(dense: str = "dense") -> onnx.ModelProto:
    """Faces times a dense matrix, then enlarged by two products with one constant."""
    rng = np.random.default_rng(0)
    constants = {
        "dense": rng.normal(size=(SIDE, SIDE)),
        "interpolation": rng.random((2 * SIDE, SIDE)),
    }
    nodes = [
        helper.make_node("MatMul", ["face", "dense"], ["features"], dense),
        helper.make_node("MatMul", ["interpolation", "features"], ["rows"], "rows"),
        helper.make_node("Transpose", ["rows"], ["turned"], "turned", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["interpolation", "turned"], ["enlarged"], "columns"),
    ]
    graph = helper.make_graph(
        nodes,
        "interpolating",
        [helper.make_tensor_value_info("face", onnx.TensorProto.FLOAT, ["batch", SIDE, SIDE])],
        [
            helper.make_tensor_value_info(
                "enlarged", onnx.TensorProto.FLOAT, ["batch", 2 * SIDE, 2 * SIDE]
            )
        ],
        [numpy_helper.from_array(np.float32(v), name) for name, v in constants.items()],
    )
    opset = min(18, onnx_opset_version())
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


@pytest.mark.parametrize(
    ("name", "others", "quantized"),
    [
        ("encoder/latent/MatMul", (), True),
        ("encoder/latent/MatMul", ("decoder/mean_face_shift_linear/MatMul",), False),
        ("decoder/features/MatMul", ("decoder/mean_face_shift_linear/MatMul",), True),
        ("decoder/mean_face_shift/Conv", (), False),
    ],
)
def test_what_moves_the_mean_face_stays_in_float32(
    name: str, others: tuple[str, ...], quantized: bool, tmp_path: Path
) -> None:
    model = _interpolating_graph(name)
    for other in others:
        node = helper.make_node("Identity", ["face"], [other], other)
        model.graph.node.insert(0, node)
    faces = np.random.default_rng(1).random((2, SIDE, SIDE)).astype(np.float32)
    graph = to_int8(model, faces, tmp_path, "face").graph
    kinds = {constant.data_type for constant in graph.initializer}
    # What enlarges is never quantized: its constant is shared.
    assert (onnx.TensorProto.INT8 in kinds) == quantized


def test_a_graph_with_a_shared_constant_loads_on_processors_without_vnni(tmp_path: Path) -> None:
    """They need `session.x64quantprecision` (see `faceloom.onnx_session`)."""
    model = _interpolating_graph()
    faces = np.random.default_rng(1).random((4, SIDE, SIDE)).astype(np.float32)
    quantized = to_int8(model, faces, tmp_path, "face")
    kinds = [node.op_type for node in quantized.graph.node]
    assert "QuantizeLinear" in kinds
    options = ort.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    expected, enlarged = (
        ort.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        ).run(None, {"face": faces})[0]
        for graph in (model, quantized)
    )
    assert np.abs(enlarged - expected).mean() < 0.02 * np.abs(expected).mean()
