"""Spell out PReLU in operations that onnxruntime runs fast on a CPU.

Its own PRelu kernel goes number by number, and converters from TensorFlow Lite write five passes
over memory instead. As slope * x + (1 - slope) * relu(x) the face mesh runs in a third of the time
and the identity network in three quarters. The vendored files were made by

    python -m faceloom_export.prelu ORIGINAL.onnx REWRITTEN.onnx
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from jaxtyping import Float32
from onnx import helper, numpy_helper

from faceloom.arrays import float32


@dataclass(frozen=True, slots=True)
class _Prelu:
    """An activation with one slope a channel: the tensors it reads and writes, and the nodes that make it up."""

    x: str
    slope: Float32[np.ndarray, "..."]
    y: str
    nodes: tuple[onnx.NodeProto, ...]


def spell_out_prelu(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model that computes the same to rounding; PRelu and relu(x) + c * (x - |x|) are replaced."""
    rewritten = onnx.ModelProto.FromString(model.SerializeToString())
    graph = rewritten.graph
    found = {prelu.y: prelu for prelu in _find(graph)}
    replaced = {node.output[0] for prelu in found.values() for node in prelu.nodes}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        name = node.output[0]
        if name in found:
            # The last node of an activation is where all that it reads is known.
            nodes += _spelled_out(graph, found[name])
        elif name not in replaced:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    constants = [constant for constant in graph.initializer if constant.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    onnx.checker.check_model(rewritten, full_check=True)
    return rewritten


def _find(graph: onnx.GraphProto) -> Iterator[_Prelu]:
    constants = {constant.name: numpy_helper.to_array(constant) for constant in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for node in graph.node:
        if node.op_type == "PRelu":
            yield _Prelu(node.input[0], float32(constants[node.input[1]]), node.output[0], (node,))
        elif node.op_type == "Abs" and (prelu := _in_five_nodes(node, readers, constants)):
            yield prelu


def _in_five_nodes(
    absolute: onnx.NodeProto, readers: dict[str, list[onnx.NodeProto]], constants: dict[str, np.ndarray]
) -> _Prelu | None:
    """Return relu(x) + c * (x - |x|) around the node of |x|: a PReLU of slope 2c; None if it is not there."""
    x = absolute.input[0]
    less = _reader(readers, absolute.output[0], "Sub")
    scaled = less and _reader(readers, less.output[0], "Mul")
    total = scaled and _reader(readers, scaled.output[0], "Add")
    relu = _reader(readers, x, "Relu")
    if not (less and scaled and total and relu and list(less.input) == [x, absolute.output[0]]):
        return None
    factor = next((constants[name] for name in scaled.input if name in constants), None)
    if factor is None or relu.output[0] not in total.input:
        return None
    return _Prelu(x, float32(2 * factor), total.output[0], (absolute, less, scaled, relu, total))


def _reader(readers: dict[str, list[onnx.NodeProto]], name: str, kind: str) -> onnx.NodeProto | None:
    return next((node for node in readers.get(name, []) if node.op_type == kind), None)


def _spelled_out(graph: onnx.GraphProto, prelu: _Prelu) -> list[onnx.NodeProto]:
    names = {part: f"{prelu.y}/{part}" for part in ("slope", "rest", "relu", "through", "cut")}
    for part, value in (("slope", prelu.slope), ("rest", 1 - prelu.slope)):
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), names[part]))
    return [
        helper.make_node("Relu", [prelu.x], [names["relu"]]),
        helper.make_node("Mul", [prelu.x, names["slope"]], [names["through"]]),
        helper.make_node("Mul", [names["relu"], names["rest"]], [names["cut"]]),
        helper.make_node("Add", [names["through"], names["cut"]], [prelu.y]),
    ]


def _main(original: str, rewritten: str) -> None:
    Path(rewritten).write_bytes(spell_out_prelu(onnx.load(original)).SerializeToString())


if __name__ == "__main__":
    _main(*sys.argv[1:])
