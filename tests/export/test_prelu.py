"""PReLU spelled out computes the same, and nothing slow is left in what ships."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceloom.weights import FACE_MESH, MOBILEFACENET, Weights
from faceloom_export.prelu import spell_out_prelu

SLOPE = np.array([0.25, -0.5, 1.5], np.float32).reshape(3, 1, 1)
AS_ONE = [helper.make_node("PRelu", ["x", "slope"], ["y"])]
# What converters from TensorFlow Lite write: the constant is half the slope.
IN_FIVE = [
    helper.make_node("Relu", ["x"], ["relu"]),
    helper.make_node("Abs", ["x"], ["abs"]),
    helper.make_node("Sub", ["x", "abs"], ["less"]),
    helper.make_node("Mul", ["less", "slope"], ["scaled"]),
    helper.make_node("Add", ["relu", "scaled"], ["y"]),
]
SOMETHING_ELSE = [
    helper.make_node("Abs", ["x"], ["abs"]),
    helper.make_node("Sub", ["x", "abs"], ["less"]),
    helper.make_node("Mul", ["less", "slope"], ["y"]),
]


def model_of(nodes: list[onnx.NodeProto], slope: np.ndarray) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3, 4, 5]) for name in "xy")
    graph = helper.make_graph(nodes, "prelu", [x], [y], [numpy_helper.from_array(slope, "slope")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def kinds(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


@pytest.mark.parametrize(("nodes", "constant"), [(AS_ONE, SLOPE), (IN_FIVE, SLOPE / 2)], ids=["one", "five"])
def test_a_spelled_out_prelu_computes_the_same(nodes: list[onnx.NodeProto], constant: np.ndarray) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    rewritten = spell_out_prelu(model_of(nodes, constant))
    assert kinds(rewritten) == {"Relu", "Mul", "Add"}
    assert np.allclose(run(rewritten, x), np.where(x > 0, x, x * SLOPE), atol=1e-6)


def test_other_uses_of_an_absolute_value_are_left_alone() -> None:
    model = model_of(SOMETHING_ELSE, SLOPE)
    assert kinds(spell_out_prelu(model)) == kinds(model)


@pytest.mark.parametrize("weights", [FACE_MESH, MOBILEFACENET], ids=lambda weights: weights.file)
def test_what_ships_has_no_slow_activation(weights: Weights) -> None:
    assert not kinds(onnx.load(str(weights.read_path()))) & {"PRelu", "Abs"}
