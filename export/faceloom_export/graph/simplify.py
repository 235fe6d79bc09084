"""Take out of a graph what computes no picture.

tf2onnx leaves Shape, Gather, Slice, Concat and Cast where a flattened tensor has a free batch axis: what they
find is known beforehand. onnxslim takes the same nodes away and no other that count (the times are equal:
`benchmarks/export.py`), and would bring sympy along.
"""

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

# What the batch axis is called; tf2onnx says unk__N.
_BATCH = "batch"


def simplify(model: onnx.ModelProto) -> None:
    """Name the batch axis, make shapes constant and drop what nothing reads; in place."""
    graph = model.graph
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = _BATCH
    # What tf2onnx noted of the tensors contradicts the new name.
    del graph.value_info[:]
    _make_shapes_constant(model)
    _drop_unread(graph)
    used = {node.domain for node in graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Remove nodes and constants that no output depends on, in place."""
    read = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if read.intersection(node.output):
            read.update(node.input)
            kept.append(node)
    constants = [constant for constant in graph.initializer if constant.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)


def _make_shapes_constant(model: onnx.ModelProto) -> None:
    """Give every Reshape whose result has one free axis that shape as a constant, with -1 for the free one."""
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
    """The shape of every tensor inside the graph; -1 where a size is free."""
    inferred = shape_inference.infer_shapes(model, data_prop=True)
    return {
        value.name: tuple(
            dim.dim_value if dim.HasField("dim_value") else -1
            for dim in value.type.tensor_type.shape.dim
        )
        for value in inferred.graph.value_info
    }
