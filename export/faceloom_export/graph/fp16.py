"""Convert a graph to fp16, with the parts in fp32 that would overflow or lose precision.

onnxruntime's own converter is not used: it stores tensors between two fp32 layers in fp16, so a
sum of squares still overflows, and it leaves nodes in an order that the ONNX checker rejects.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

# Operators that stay in fp32. They convert between levels of 0..255 and floats, normalize by a sum
# of squares (which overflows beyond 65504), or compute pixel coordinates (which need more than the
# 1/16 pixel that fp16 resolves).
_FP32_OPERATORS = frozenset(
    "Cast Resize Round Floor Min Max Clip ReduceMean ReduceSum Sqrt Reciprocal Div Pow".split()
)
# Operators that take the precision of a neighbor in fp32.
_FLEXIBLE_OPERATORS = frozenset("Mul Add Sub Transpose Reshape Slice Concat".split())
# The largest finite fp16 number, 65504.
_MAX_FP16 = float(np.finfo(np.float16).max)


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph in fp16; scaling, rounding and normalization stay in fp32.

    Args:
        model: The fp32 graph; it is not changed.
    """
    converted = onnx.ModelProto.FromString(model.SerializeToString())
    graph = converted.graph
    fp32_nodes = _find_fp32_nodes(graph.node)
    floats = _float_tensors(converted)
    _convert_constants(graph, fp32_nodes, floats)
    nodes: list[onnx.NodeProto] = []
    # Whether each tensor is in fp16; a node's outputs have the node's type.
    is_fp16 = {
        constant.name: constant.data_type == TensorProto.FLOAT16 for constant in graph.initializer
    }
    # Name of each cast tensor, by the tensor's name and whether the cast is to fp16.
    casts: dict[tuple[str, bool], str] = {}
    for index, node in enumerate(graph.node):
        to_half = index not in fp32_nodes
        nodes += _cast_inputs(node, to_half, is_fp16, floats, casts)
        nodes.append(node)
        is_fp16.update(dict.fromkeys(node.output, to_half))
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    return converted


def _find_fp32_nodes(nodes: Iterable[onnx.NodeProto]) -> set[int]:
    """Return the indices of the fp32 operators and of the flexible ones connected to them."""
    nodes = list(nodes)
    producer = {name: index for index, node in enumerate(nodes) for name in node.output}
    edges = [
        (producer[name], index)
        for index, node in enumerate(nodes)
        for name in node.input
        if name in producer
    ]
    fp32_nodes = {index for index, node in enumerate(nodes) if node.op_type in _FP32_OPERATORS}
    grown = True
    while grown:
        neighbors = {a for a, b in edges if b in fp32_nodes} | {
            b for a, b in edges if a in fp32_nodes
        }
        added = {
            index for index in neighbors - fp32_nodes if nodes[index].op_type in _FLEXIBLE_OPERATORS
        }
        fp32_nodes |= added
        grown = bool(added)
    return fp32_nodes


def _float_tensors(model: onnx.ModelProto) -> set[str]:
    """Return the names of all float32 tensors."""
    graph = shape_inference.infer_shapes(model).graph
    types = {
        value.name: value.type.tensor_type.elem_type
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    types |= {constant.name: constant.data_type for constant in graph.initializer}
    return {name for name, kind in types.items() if kind == TensorProto.FLOAT}


def _convert_constants(graph: onnx.GraphProto, fp32_nodes: set[int], floats: set[str]) -> None:
    """Store in fp16 the constants that no fp32 node reads."""
    needed = {name for index in fp32_nodes for name in graph.node[index].input}
    for constant in graph.initializer:
        if constant.name in floats - needed:
            values = np.clip(numpy_helper.to_array(constant), -_MAX_FP16, _MAX_FP16)
            constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), constant.name))


def _cast_inputs(
    node: onnx.NodeProto,
    to_half: bool,
    is_fp16: dict[str, bool],
    floats: set[str],
    casts: dict[tuple[str, bool], str],
) -> Iterator[onnx.NodeProto]:
    """Point a node to inputs of its type; yield the casts that are new (one per tensor)."""
    for position, name in enumerate(node.input):
        if name not in floats or is_fp16.get(name, False) == to_half:
            continue
        key = (name, to_half)
        if key not in casts:
            casts[key] = f"{name}_{'fp16' if to_half else 'fp32'}"
            kind = TensorProto.FLOAT16 if to_half else TensorProto.FLOAT
            yield helper.make_node("Cast", [name], [casts[key]], to=kind)
        node.input[position] = casts[key]
