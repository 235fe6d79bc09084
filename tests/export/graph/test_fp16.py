"""A graph in fp16 keeps in fp32 the operations that would overflow or lose precision."""

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from faceloom_export.graph.fp16 import to_fp16


def norm_graph() -> onnx.ModelProto:
    """Build a graph: uint8 -> matrix product -> RMS norm -> matrix product -> transposed uint8."""
    nodes = [
        helper.make_node("Cast", ["face"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "weight"], ["y"]),
        helper.make_node("Mul", ["y", "y"], ["square"]),
        helper.make_node("ReduceMean", ["square", "last"], ["mean"], keepdims=1),
        helper.make_node("Sqrt", ["mean"], ["root"]),
        helper.make_node("Reciprocal", ["root"], ["scale"]),
        helper.make_node("Mul", ["y", "scale"], ["normal"]),
        helper.make_node("MatMul", ["normal", "weight"], ["z"]),
        helper.make_node("Mul", ["z", "level"], ["levels"]),
        helper.make_node("Transpose", ["levels"], ["turned"], perm=[1, 0]),
        helper.make_node("Round", ["turned"], ["round"]),
        helper.make_node("Cast", ["round"], ["out"], to=TensorProto.UINT8),
    ]
    constants = {
        "weight": np.eye(4, dtype=np.float32) * 2,
        "level": np.float32(40.1),
        "last": np.int64([1]),
    }
    graph = helper.make_graph(
        nodes,
        "norm",
        [helper.make_tensor_value_info("face", TensorProto.UINT8, ["batch", 4])],
        [helper.make_tensor_value_info("out", TensorProto.UINT8, [4, "batch"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model: onnx.ModelProto, face: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"face": face})[0]


def test_rms_norm_does_not_overflow() -> None:
    """The square of 510 is larger than the largest fp16 number."""
    full, half = norm_graph(), to_fp16(norm_graph())
    onnx.checker.check_model(half, full_check=True)
    face = np.uint8([[255, 255, 250, 1], [3, 200, 0, 7]])
    np.testing.assert_allclose(run(half, face).astype(int), run(full, face), atol=1)
    assert run(full, face).max() > 60


def test_weights_become_fp16_with_as_few_casts_as_needed() -> None:
    half = to_fp16(norm_graph())
    types = {constant.name: constant.data_type for constant in half.graph.initializer}
    assert types == {
        "weight": TensorProto.FLOAT16,
        "level": TensorProto.FLOAT,
        "last": TensorProto.INT64,
    }
    # Two around each of the two products, and the two of the original graph.
    assert [node.op_type for node in half.graph.node].count("Cast") == 6


def test_original_graph_is_not_changed() -> None:
    model = norm_graph()
    before = model.SerializeToString()
    to_fp16(model)
    assert model.SerializeToString() == before
