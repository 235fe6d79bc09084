"""A graph in half precision: weights and pictures between the layers in fp16, islands in fp32 where it would hurt.

onnxruntime's own converter is not used: what passes between two layers that it leaves in fp32 it stores in fp16,
so a sum of squares still overflows, and it leaves nodes in an order that the ONNX checker refuses.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

# Levels of 0..255 become numbers and back; a norm sums squares, which overflow beyond 65504; places in a picture need
# more than a sixteenth of a pixel.
_EXACT = frozenset(
    "Cast Resize Round Floor Min Max Clip ReduceMean ReduceSum Sqrt Reciprocal Div Pow".split()
)
# What belongs to whatever is beside it.
_SIDES = frozenset("Mul Add Sub Transpose Reshape Slice Concat".split())
_GREATEST = float(np.finfo(np.float16).max)


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph in fp16, with the islands in fp32 that scaling, rounding and norms need."""
    half = onnx.ModelProto.FromString(model.SerializeToString())
    graph = half.graph
    exact = _islands(graph.node)
    floats = _float_tensors(half)
    _halve_constants(graph, exact, floats)
    nodes: list[onnx.NodeProto] = []
    # What a tensor is called in each type; a node's own outputs have the node's type.
    is_half = {
        constant.name: constant.data_type == TensorProto.FLOAT16 for constant in graph.initializer
    }
    casts: dict[tuple[str, bool], str] = {}
    for number, node in enumerate(graph.node):
        wants_half = number not in exact
        nodes += _casts_before(node, wants_half, is_half, floats, casts)
        nodes.append(node)
        is_half.update(dict.fromkeys(node.output, wants_half))
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    return half


def _islands(nodes: Iterable[onnx.NodeProto]) -> set[int]:
    """The numbers of the nodes that stay exact: those of _EXACT and what leads from and to them."""
    nodes = list(nodes)
    writer = {name: number for number, node in enumerate(nodes) for name in node.output}
    links = [
        (writer[name], number)
        for number, node in enumerate(nodes)
        for name in node.input
        if name in writer
    ]
    exact = {number for number, node in enumerate(nodes) if node.op_type in _EXACT}
    grown = True
    while grown:
        beside = {a for a, b in links if b in exact} | {b for a, b in links if a in exact}
        found = {number for number in beside - exact if nodes[number].op_type in _SIDES}
        exact |= found
        grown = bool(found)
    return exact


def _float_tensors(model: onnx.ModelProto) -> set[str]:
    graph = shape_inference.infer_shapes(model).graph
    typed = {
        value.name: value.type.tensor_type.elem_type
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    typed |= {constant.name: constant.data_type for constant in graph.initializer}
    return {name for name, kind in typed.items() if kind == TensorProto.FLOAT}


def _halve_constants(graph: onnx.GraphProto, exact: set[int], floats: set[str]) -> None:
    """Store in fp16 what no exact node reads."""
    needed = {name for number in exact for name in graph.node[number].input}
    for constant in graph.initializer:
        if constant.name in floats - needed:
            values = np.clip(numpy_helper.to_array(constant), -_GREATEST, _GREATEST)
            constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), constant.name))


def _casts_before(
    node: onnx.NodeProto,
    wants_half: bool,
    is_half: dict[str, bool],
    floats: set[str],
    casts: dict[tuple[str, bool], str],
) -> Iterator[onnx.NodeProto]:
    """Yield the casts that a node's inputs need and point the node to them; each tensor is cast once."""
    for place, name in enumerate(node.input):
        if name not in floats or is_half.get(name, False) == wants_half:
            continue
        key = (name, wants_half)
        if key not in casts:
            casts[key] = f"{name}_{'fp16' if wants_half else 'fp32'}"
            kind = TensorProto.FLOAT16 if wants_half else TensorProto.FLOAT
            yield helper.make_node("Cast", [name], [casts[key]], to=kind)
        node.input[place] = casts[key]
