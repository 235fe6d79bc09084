"""Names in a simplified graph do not depend on tf2onnx's counter and the order of constants."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from faceloom_export.graph.simplify import simplify

# Names that programs refer to; they look as if tf2onnx had counted them.
INPUT = "face__1:0"
OUTPUT = "out__2:0"


def graph_with_constants(names: Sequence[str], order: Sequence[int]) -> onnx.ModelProto:
    """Return a graph of two additions; the names are those of its constants and of the sum."""
    nodes = [
        helper.make_node("Add", [INPUT, names[0]], [names[2]], name=names[2]),
        helper.make_node("Add", [names[2], names[1]], [OUTPUT], name="last"),
    ]
    values = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 3]) for n in (INPUT, OUTPUT)
    ]
    constants = [numpy_helper.from_array(np.float32([n]), names[n - 1]) for n in order]
    graph = helper.make_graph(nodes, "adds", values[:1], values[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_names_of_tf2onnx_are_replaced_by_numbers() -> None:
    models = [
        graph_with_constants(["fold__7", "starts__3", "Add__8"], [1, 2]),
        graph_with_constants(["ends__4", "fold__6", "Add__9"], [2, 1]),
    ]
    for model in models:
        simplify(model)
    assert models[0].SerializeToString() == models[1].SerializeToString()
    assert [constant.name for constant in models[0].graph.initializer] == [
        "constant_0",
        "constant_1",
    ]
    assert [list(node.input) for node in models[0].graph.node] == [
        [INPUT, "constant_0"],
        ["generated_0:0", "constant_1"],
    ]
    assert models[0].graph.node[1].output == [OUTPUT]
