"""Convert a graph to int8 by static quantization, calibrated on face crops."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from faceloom.array_types import RgbBatch
from faceloom_export.graph.tensor_names import FACE

# Conv and MatMul take most of the time; DepthToSpace between them would otherwise move four times
# the bytes. Quantizing the activation functions as well makes the graph 5 % faster and the error a
# third larger; leaving the last convolution in fp32 makes the error a tenth smaller and the graph
# a fifth slower.
_QUANTIZED_OPERATORS = ["Conv", "MatMul", "DepthToSpace"]
# Nodes with this in their name stay in fp32: they predict where the mean face's pixels move to,
# and one int8 level of that output would be a seventh of a pixel in a crop of 128 pixels.
_MEAN_FACE = "mean_face"
# A node with this in its name moves the mean face in proportion to the latent.
_LINEAR_SHIFT = "mean_face_shift_linear"
# Nodes with this in their name stay in fp32 in a graph with such a node: int8 errors of the latent
# would move the whole face. They are an eighth of the operations.
_ENCODER = "encoder"


def to_int8(
    model: onnx.ModelProto, faces: RgbBatch, folder: Path, input_name: str = FACE
) -> onnx.ModelProto:
    """Quantize a graph: weights to int8 with a scale per channel, activations to uint8.

    Args:
        model: The fp32 graph; it is not changed.
        faces: Crops that determine the ranges of the activations, one run for each.
        folder: Folder for onnxruntime's temporary file, which is removed.
        input_name: Name of the graph's input.

    Returns:
        The quantized graph, in the QDQ format.
    """
    path = folder / "quantized.onnx"
    with _without_logging():
        quantize_static(
            onnx.ModelProto.FromString(model.SerializeToString()),
            path,
            _CalibrationFaces(faces, input_name),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTIZED_OPERATORS,
            nodes_to_exclude=_fp32_nodes(model.graph),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    quantized = onnx.load(path)
    path.unlink()
    del quantized.graph.value_info[:]
    _shorten_names(quantized.graph)
    return quantized


def _fp32_nodes(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the nodes that are not quantized.

    Besides those of the mean face and, where that depends on the latent linearly, of the encoder,
    they are the nodes that share a constant with another one, as the two products of an
    interpolation do: where int8 products need more precision (see
    `faceloom.onnx_session`), onnxruntime converts a quantized constant once for each of them, and
    cannot load the graph.
    """
    constants = {constant.name for constant in graph.initializer}
    readers = Counter(name for node in graph.node for name in {*node.input} & constants)
    is_linear = any(_LINEAR_SHIFT in node.name for node in graph.node)
    kept = (_MEAN_FACE, _ENCODER) if is_linear else (_MEAN_FACE,)
    return [
        node.name
        for node in graph.node
        if any(part in node.name for part in kept) or any(readers[name] > 1 for name in node.input)
    ]


class _CalibrationFaces(CalibrationDataReader):
    """Feeds onnxruntime's calibration one face at a time."""

    def __init__(self, faces: RgbBatch, input_name: str):
        self._faces = iter(faces)
        self._input_name = input_name

    def get_next(self) -> dict[str, np.ndarray] | None:
        face = next(self._faces, None)
        return None if face is None else {self._input_name: face[None]}


def _shorten_names(graph: onnx.GraphProto) -> None:
    """Rename tensors to numbers: the names of quantized tensors take 8 % of a small file."""
    public = {value.name for value in (*graph.input, *graph.output)}
    short: dict[str, str] = {"": ""}
    for name in _tensor_names(graph):
        short.setdefault(name, name if name in public else str(len(short)))
    for node in graph.node:
        node.name = ""
        node.input[:] = [short[name] for name in node.input]
        node.output[:] = [short[name] for name in node.output]
    for constant in graph.initializer:
        constant.name = short[constant.name]


def _tensor_names(graph: onnx.GraphProto) -> Iterator[str]:
    for constant in graph.initializer:
        yield constant.name
    for node in graph.node:
        yield from (*node.input, *node.output)


@contextmanager
def _without_logging() -> Iterator[None]:
    """Suppress onnxruntime's advice on the root logger to preprocess; these graphs are."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
