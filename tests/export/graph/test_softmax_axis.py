"""A softmax over channels is computed over the last axis where its result is transposed anyway."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceloom_export.graph.softmax_axis import softmax_over_last_axis


def model_of(
    axis: int, factor: np.ndarray, perm: list[int], *, second_reader: bool = False
) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Relu", ["x"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["share"], axis=axis),
        helper.make_node("Mul", ["share", "factor"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["transposed"], perm=perm),
        helper.make_node("Round", ["transposed"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 10, 16, 12])
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", None, None, None])]
    if second_reader:
        outputs.append(
            helper.make_tensor_value_info("share", TensorProto.FLOAT, ["batch", 10, 16, 12])
        )
    graph = helper.make_graph(
        nodes, "softmax", [x], outputs, [numpy_helper.from_array(factor, "factor")]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": x})[0]


SCALAR = np.array(255, np.float32)
CHANNELS = np.linspace(0, 255, 10, dtype=np.float32).reshape(1, 10, 1, 1)
NHWC = [0, 2, 3, 1]


@pytest.mark.parametrize(
    ("model", "order"),
    [
        (model_of(1, SCALAR, NHWC), ["Relu", "Transpose", "Softmax", "Mul", "Round"]),
        (model_of(2, SCALAR, NHWC), None),
        (model_of(1, CHANNELS, NHWC), None),
        (model_of(1, SCALAR, [0, 3, 2, 1]), None),
        (model_of(1, SCALAR, NHWC, second_reader=True), None),
    ],
    ids=["moved", "other axis", "factor per channel", "other transpose", "read elsewhere"],
)
def test_the_output_stays_the_same(model: onnx.ModelProto, order: list[str] | None) -> None:
    x = np.random.default_rng(0).normal(0, 4, (3, 10, 16, 12)).astype(np.float32)
    rewritten = softmax_over_last_axis(model)
    original = [node.op_type for node in model.graph.node]
    assert [node.op_type for node in rewritten.graph.node] == (order or original)
    assert np.array_equal(run(rewritten, x), run(model, x))
