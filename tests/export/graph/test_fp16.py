"""A graph in half precision keeps in fp32 what would overflow or round wrongly."""

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from faceloom_export.graph.fp16 import to_half


def norm_graph() -> onnx.ModelProto:
    """uint8 levels -> times a weight -> divided by their root mean square -> uint8 levels, transposed on the way."""
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


def test_a_norm_does_not_overflow() -> None:
    """510 squared is beyond what fp16 holds."""
    full, half = norm_graph(), to_half(norm_graph())
    onnx.checker.check_model(half, full_check=True)
    face = np.uint8([[255, 255, 250, 1], [3, 200, 0, 7]])
    np.testing.assert_allclose(run(half, face).astype(int), run(full, face), atol=1)
    assert run(full, face).max() > 60


def test_weights_are_halved_and_numbers_are_cast_no_more_than_needed() -> None:
    half = to_half(norm_graph())
    kinds = {constant.name: constant.data_type for constant in half.graph.initializer}
    assert kinds == {
        "weight": TensorProto.FLOAT16,
        "level": TensorProto.FLOAT,
        "last": TensorProto.INT64,
    }
    # In and out of each of the two products, and the two casts that were there.
    assert [node.op_type for node in half.graph.node].count("Cast") == 6


def test_the_given_graph_is_left_alone() -> None:
    model = norm_graph()
    before = model.SerializeToString()
    to_half(model)
    assert model.SerializeToString() == before
