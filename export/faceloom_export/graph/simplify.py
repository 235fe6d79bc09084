"""Remove from a graph the nodes that only compute shapes, and make its names reproducible.

For a flattened tensor with a dynamic batch axis, tf2onnx emits Shape, Gather, Slice, Concat and
Cast nodes to compute a shape that is known in advance. onnxslim removes the same nodes and no
others that matter (the graphs are equally fast: `python -m benchmarks.conversion.export`), but
depends on sympy.
"""

import re

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

# Name of the dynamic batch axis; tf2onnx writes unk__N.
_BATCH = "batch"
# End of a name that tf2onnx made with its counter; ":N" is the index of an output.
_COUNTED = re.compile(r"__\d+(:\d+)?$")


def simplify(model: onnx.ModelProto) -> None:
    """Name the batch axis, make shapes constant, drop unused nodes and constants, number names.

    Args:
        model: The graph; changed in place.
    """
    graph = model.graph
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = _BATCH
    # The shapes that tf2onnx stored contradict the new axis name.
    del graph.value_info[:]
    _make_shapes_constant(model)
    _drop_unused(graph)
    _number_names(graph)
    domains = {node.domain for node in graph.node}
    opsets = [opset for opset in model.opset_import if opset.domain in domains]
    del model.opset_import[:]
    model.opset_import.extend(opsets)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes and constants that no output depends on, in place."""
    used = {value.name for value in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if used.intersection(node.output):
            used.update(node.input)
            nodes.append(node)
    constants = [constant for constant in graph.initializer if constant.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(constants)


def _number_names(graph: onnx.GraphProto) -> None:
    """Number the constants, and the nodes and tensors that tf2onnx named by its counter, in place.

    tf2onnx iterates over sets of strings, so its counter and the order of the constants differ from
    run to run. The inputs and outputs of the graph keep their names, and so do nodes that Keras
    named, by which `to_int8` finds the layers that stay in fp32.
    """
    constants = {constant.name: constant for constant in graph.initializer}
    inputs = (name for node in graph.node for name in node.input)
    # In the order of their first use.
    ordered = list(dict.fromkeys(name for name in inputs if name in constants))
    names = {name: f"constant_{index}" for index, name in enumerate(ordered)}
    outputs = {value.name for value in graph.output}
    for index, node in enumerate(graph.node):
        if _COUNTED.search(node.name):
            node.name = f"generated_{index}"
        for position, name in enumerate(node.output):
            if _COUNTED.search(name) and name not in outputs:
                names[name] = f"generated_{index}:{position}"
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    del graph.initializer[:]
    for name in ordered:
        constants[name].name = names[name]
        graph.initializer.append(constants[name])


def _make_shapes_constant(model: onnx.ModelProto) -> None:
    """Give each Reshape with one dynamic output axis a constant shape, -1 for that axis."""
    graph = model.graph
    constants = {constant.name for constant in graph.initializer}
    shapes = _inferred_shapes(model)
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] not in constants:
            shape = shapes.get(node.output[0], ())
            if sum(size < 0 for size in shape) == 1:
                name = f"{node.output[0]}_shape"
                graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), name))
                node.input[1] = name


def _inferred_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shape of every intermediate tensor, -1 for a dynamic axis."""
    inferred = shape_inference.infer_shapes(model, data_prop=True)
    return {
        value.name: tuple(
            dim.dim_value if dim.HasField("dim_value") else -1
            for dim in value.type.tensor_type.shape.dim
        )
        for value in inferred.graph.value_info
    }
