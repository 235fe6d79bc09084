"""Optimized face models have the published outputs and no slow activations."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceloom.weights import FACE_LANDMARKS_478, FACE_MESH, MOBILEFACENET, Weights
from faceloom_export.face_models.fp16_weights import store_weights_in_fp16
from faceloom_export.face_models.optimize_face_model import make_batch_axis_dynamic
from faceloom_export.face_models.prelu_rewrite import replace_prelu

SLOPE = np.array([0.25, -0.5, 1.5], np.float32).reshape(3, 1, 1)
ONE_NODE = [helper.make_node("PRelu", ["x", "slope"], ["y"])]
# The form of converters from TensorFlow Lite; the constant is half the slope.
FIVE_NODES = [
    helper.make_node("Relu", ["x"], ["relu"]),
    helper.make_node("Abs", ["x"], ["abs"]),
    helper.make_node("Sub", ["x", "abs"], ["less"]),
    helper.make_node("Mul", ["less", "slope"], ["scaled"]),
    helper.make_node("Add", ["relu", "scaled"], ["y"]),
]
OTHER_USE_OF_ABS = [
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


def operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


@pytest.mark.parametrize(
    ("nodes", "constant"),
    [(ONE_NODE, SLOPE), (FIVE_NODES, SLOPE / 2)],
    ids=["one node", "five nodes"],
)
def test_replaced_prelu_has_the_same_output(
    nodes: list[onnx.NodeProto], constant: np.ndarray
) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    rewritten = replace_prelu(model_of(nodes, constant))
    assert operators(rewritten) == {"Conv", "Relu", "Add"}
    assert np.allclose(run(rewritten, x), np.where(x > 0, x, x * SLOPE), atol=1e-6)


def test_other_uses_of_abs_are_not_changed() -> None:
    model = model_of(OTHER_USE_OF_ABS, SLOPE)
    assert operators(replace_prelu(model)) == operators(model)


READ_BY_CONV = [helper.make_node("Conv", ["y", "mix"], ["z"])]
READ_BY_DEPTHWISE_CONV = [helper.make_node("Conv", ["y", "each"], ["z"], group=3)]
READ_BY_ADD = [
    helper.make_node("Conv", ["y", "mix"], ["mixed"]),
    helper.make_node("Add", ["mixed", "y"], ["z"]),
]


@pytest.mark.parametrize(
    "readers", [READ_BY_CONV, READ_BY_DEPTHWISE_CONV, READ_BY_ADD], ids=["conv", "depthwise", "add"]
)
def test_slope_above_one_is_negated_if_all_readers_are_convolutions(
    readers: list[onnx.NodeProto],
) -> None:
    random = np.random.default_rng(0)
    model = model_of([*ONE_NODE, *readers], SLOPE)
    model.graph.output[0].name = "z"
    for name, shape in (("mix", (3, 3, 1, 1)), ("each", (3, 1, 1, 1))):
        model.graph.initializer.append(
            numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)
        )
    x = random.normal(size=(2, 3, 4, 5)).astype(np.float32)
    rewritten = replace_prelu(model)
    assert np.allclose(run(rewritten, x), run(model, x), atol=1e-5)
    assert is_fusable(rewritten) == (readers is not READ_BY_ADD)


def is_fusable(model: onnx.ModelProto) -> bool:
    """Return whether each Relu follows a Conv without other readers, so that they are fused."""
    nodes = model.graph.node
    producers = {node.output[0]: node.op_type for node in nodes}
    read = [name for node in nodes for name in node.input]
    return all(
        producers.get(n.input[0]) == "Conv" and read.count(n.input[0]) == 1
        for n in nodes
        if n.op_type == "Relu"
    )


def test_fixed_batch_axis_becomes_dynamic() -> None:
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    model = model_of(nodes, SLOPE)
    model.graph.initializer.append(numpy_helper.from_array(np.array([2, 60]), "shape"))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 60]))
    dynamic = make_batch_axis_dynamic(model)
    for count in (1, 2, 5):
        x = np.random.default_rng(count).normal(size=(count, 3, 4, 5)).astype(np.float32)
        assert np.array_equal(run(dynamic, x), x.reshape(count, 60))


def test_weights_in_fp16_take_half_the_size_and_round_by_fp16() -> None:
    mix = np.random.default_rng(0).normal(size=(200, 3, 1, 1)).astype(np.float32)
    nodes = [*ONE_NODE, helper.make_node("Conv", ["y", "mix"], ["z"])]
    model = model_of(nodes, SLOPE)
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("z", TensorProto.FLOAT, [2, 200, 4, 5])
    )
    model.graph.initializer.append(numpy_helper.from_array(mix, "mix"))
    stored = store_weights_in_fp16(model)
    assert stored.ByteSize() < model.ByteSize() - mix.nbytes / 2 + 100
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype(np.float32)
    exact = model_of(nodes, SLOPE)
    exact.graph.output[0].CopyFrom(model.graph.output[0])
    rounded = mix.astype(np.float16).astype(np.float32)
    exact.graph.initializer.append(numpy_helper.from_array(rounded, "mix"))
    assert np.array_equal(run(stored, x), run(exact, x))


@pytest.mark.parametrize(
    "weights",
    [FACE_MESH, FACE_LANDMARKS_478, MOBILEFACENET],
    ids=lambda weights: weights.file,
)
def test_shipped_models_have_no_slow_activation(weights: Weights) -> None:
    model = onnx.load(str(weights.verified_path()))
    assert not operators(model) & {"PRelu", "Abs"}
    # In the face mesh, Add nodes read four activations with slopes above 1.
    assert is_fusable(model) == (weights is MOBILEFACENET)
