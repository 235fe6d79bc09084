"""The face models that ship compute what others published, and nothing slow is left in them."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceloom.weights import FACE_MESH, MOBILEFACENET, Weights
from faceloom_export.face_models.optimize_face_model import open_batch
from faceloom_export.face_models.prelu_rewrite import spell_out_prelu

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


@pytest.mark.parametrize(
    ("nodes", "constant"), [(AS_ONE, SLOPE), (IN_FIVE, SLOPE / 2)], ids=["one", "five"]
)
def test_a_spelled_out_prelu_computes_the_same(
    nodes: list[onnx.NodeProto], constant: np.ndarray
) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    rewritten = spell_out_prelu(model_of(nodes, constant))
    assert kinds(rewritten) == {"Conv", "Relu", "Add"}
    assert np.allclose(run(rewritten, x), np.where(x > 0, x, x * SLOPE), atol=1e-6)


def test_other_uses_of_an_absolute_value_are_left_alone() -> None:
    model = model_of(SOMETHING_ELSE, SLOPE)
    assert kinds(spell_out_prelu(model)) == kinds(model)


READ_ALONE = [helper.make_node("Conv", ["y", "mix"], ["z"])]
READ_BY_CHANNEL = [helper.make_node("Conv", ["y", "each"], ["z"], group=3)]
READ_BY_A_SUM = [
    helper.make_node("Conv", ["y", "mix"], ["mixed"]),
    helper.make_node("Add", ["mixed", "y"], ["z"]),
]


@pytest.mark.parametrize(
    "readers", [READ_ALONE, READ_BY_CHANNEL, READ_BY_A_SUM], ids=["conv", "each", "sum"]
)
def test_a_slope_above_one_is_negated_where_all_that_reads_it_can_be(
    readers: list[onnx.NodeProto],
) -> None:
    random = np.random.default_rng(0)
    model = model_of([*AS_ONE, *readers], SLOPE)
    model.graph.output[0].name = "z"
    for name, shape in (("mix", (3, 3, 1, 1)), ("each", (3, 1, 1, 1))):
        model.graph.initializer.append(
            numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)
        )
    x = random.normal(size=(2, 3, 4, 5)).astype(np.float32)
    rewritten = spell_out_prelu(model)
    assert np.allclose(run(rewritten, x), run(model, x), atol=1e-5)
    assert joinable(rewritten) == (readers is not READ_BY_A_SUM)


def joinable(model: onnx.ModelProto) -> bool:
    """Whether onnxruntime can join each relu to a convolution that nothing else reads."""
    nodes = model.graph.node
    makers = {node.output[0]: node.op_type for node in nodes}
    read = [name for node in nodes for name in node.input]
    return all(
        makers.get(n.input[0]) == "Conv" and read.count(n.input[0]) == 1
        for n in nodes
        if n.op_type == "Relu"
    )


def test_a_fixed_batch_becomes_any() -> None:
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    model = model_of(nodes, SLOPE)
    model.graph.initializer.append(numpy_helper.from_array(np.array([2, 60]), "shape"))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 60]))
    opened = open_batch(model)
    for count in (1, 2, 5):
        x = np.random.default_rng(count).normal(size=(count, 3, 4, 5)).astype(np.float32)
        assert np.array_equal(run(opened, x), x.reshape(count, 60))


@pytest.mark.parametrize("weights", [FACE_MESH, MOBILEFACENET], ids=lambda weights: weights.file)
def test_what_ships_has_no_slow_activation(weights: Weights) -> None:
    model = onnx.load(str(weights.read_path()))
    assert not kinds(model) & {"PRelu", "Abs"}
    # In the mesh sums read four activations with slopes above 1.
    assert joinable(model) == (weights is MOBILEFACENET)
