"""Spell out PReLU in operations that onnxruntime runs fast on a CPU.

Its own PRelu kernel goes number by number, and converters from TensorFlow Lite write five passes over memory
instead. As slope * x + relu((1 - slope) * x) it is two: onnxruntime joins the relu to the first
product and the sum to the second. So the face mesh runs in a third of the time and the identity network in half.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from jaxtyping import Bool, Float32
from onnx import helper, numpy_helper

from faceloom.array_types import float32


@dataclass(frozen=True, slots=True)
class _Prelu:
    """An activation with one slope a channel: the tensors it reads and writes, and the nodes that make it up."""

    x: str
    slope: Float32[np.ndarray, "channels"]
    y: str
    nodes: tuple[onnx.NodeProto, ...]


class _Graph:
    """A graph with its constants as arrays and the readers of every tensor."""

    def __init__(self, graph: onnx.GraphProto):
        self.proto = graph
        self.constants = {
            constant.name: numpy_helper.to_array(constant) for constant in graph.initializer
        }
        self.outputs = {output.name for output in graph.output}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def add(self, name: str, value: Float32[np.ndarray, "..."]) -> None:
        """Add a constant."""
        self.constants[name] = value
        self.proto.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))

    def replace_nodes(self, nodes: list[onnx.NodeProto]) -> None:
        """Take other nodes, and leave out the constants that none of them reads."""
        used = {name for node in nodes for name in node.input}
        constants = [constant for constant in self.proto.initializer if constant.name in used]
        del self.proto.node[:], self.proto.initializer[:]
        self.proto.node.extend(nodes)
        self.proto.initializer.extend(constants)


def spell_out_prelu(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model that computes the same to rounding; PRelu and relu(x) + c * (x - |x|) are replaced."""
    rewritten = onnx.ModelProto.FromString(model.SerializeToString())
    graph = _Graph(rewritten.graph)
    found = {prelu.y: prelu for prelu in _find(graph)}
    replaced = {node.output[0] for prelu in found.values() for node in prelu.nodes}
    nodes: list[onnx.NodeProto] = []
    for node in graph.proto.node:
        name = node.output[0]
        if name in found:
            # The last node of an activation is where all that it reads is known.
            nodes += _spelled_out(graph, found[name])
        elif name not in replaced:
            nodes.append(node)
    graph.replace_nodes(nodes)
    onnx.checker.check_model(rewritten, full_check=True)
    return rewritten


def _find(graph: _Graph) -> Iterator[_Prelu]:
    for node in graph.proto.node:
        if node.op_type == "PRelu":
            yield _Prelu(
                node.input[0],
                float32(graph.constants[node.input[1]]).ravel(),
                node.output[0],
                (node,),
            )
        elif node.op_type == "Abs" and (prelu := _in_five_nodes(node, graph)):
            yield prelu


def _in_five_nodes(absolute: onnx.NodeProto, graph: _Graph) -> _Prelu | None:
    """Return relu(x) + c * (x - |x|) around the node of |x|: a PReLU of slope 2c; None if it is not there."""
    x = absolute.input[0]
    less = _reader(graph, absolute.output[0], "Sub")
    scaled = less and _reader(graph, less.output[0], "Mul")
    total = scaled and _reader(graph, scaled.output[0], "Add")
    relu = _reader(graph, x, "Relu")
    if not (less and scaled and total and relu and list(less.input) == [x, absolute.output[0]]):
        return None
    factor = next((graph.constants[name] for name in scaled.input if name in graph.constants), None)
    if factor is None or relu.output[0] not in total.input:
        return None
    return _Prelu(
        x, float32(2 * factor).ravel(), total.output[0], (absolute, less, scaled, relu, total)
    )


def _reader(graph: _Graph, name: str, kind: str) -> onnx.NodeProto | None:
    return next((node for node in graph.readers.get(name, []) if node.op_type == kind), None)


def _spelled_out(graph: _Graph, prelu: _Prelu) -> list[onnx.NodeProto]:
    names = {
        part: f"{prelu.y}/{part}" for part in ("slope", "rest", "through", "cut", "relu", "bent")
    }
    steep = prelu.slope > 1
    # With a slope above 1 it bends down, which a relu added cannot: there -y = -x + relu((1 - slope) * x) is made.
    in_two_passes = not steep.any() or _negate(graph, prelu.y, steep)
    graph.add(
        names["slope"],
        _by_channel(np.where(steep, -1, prelu.slope) if in_two_passes else prelu.slope),
    )
    graph.add(names["rest"], _by_channel(1 - prelu.slope))
    through = _scaling(prelu.x, names["slope"], names["through"], len(steep))
    end = helper.make_node("Add", [names["through"], names["bent"]], [prelu.y])
    if in_two_passes:
        cut = _scaling(prelu.x, names["rest"], names["cut"], len(steep))
        return [cut, helper.make_node("Relu", [names["cut"]], [names["bent"]]), through, end]
    relu = helper.make_node("Relu", [prelu.x], [names["relu"]])
    return [relu, _scaling(names["relu"], names["rest"], names["bent"], len(steep)), through, end]


def _negate(graph: _Graph, name: str, channels: Bool[np.ndarray, "channels"]) -> bool:
    """Have the readers of a tensor expect some of its channels negated; False if not all are convolutions."""
    readers = graph.readers.get(name, [])
    if name in graph.outputs or any(
        node.op_type != "Conv" or node.input[0] != name for node in readers
    ):
        return False
    for node in readers:
        weights = graph.constants[node.input[1]].copy()
        if weights.shape[1] == len(channels):
            weights[:, channels] *= -1
        else:
            # A convolution of each channel by itself.
            weights[channels] *= -1
        node.input[1] = f"{name}/negated/{node.input[1]}"
        graph.add(node.input[1], weights)
    return True


def _scaling(x: str, factors: str, y: str, channels: int) -> onnx.NodeProto:
    """Multiply each channel by its own number: as a convolution, as onnxruntime joins more to one than to a product."""
    return helper.make_node("Conv", [x, factors], [y], group=channels, kernel_shape=[1, 1])


def _by_channel(values: Float32[np.ndarray, "channels"]) -> Float32[np.ndarray, "channels 1 1 1"]:
    return float32(values).reshape(-1, 1, 1, 1)
