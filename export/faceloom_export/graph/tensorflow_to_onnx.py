"""From a TensorFlow function to a checked ONNX file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import tf2onnx

from faceloom.array_types import RgbBatch
from faceloom.swap.bundle.manifest import Precision
from faceloom_export.graph.fp16 import to_half
from faceloom_export.graph.int8 import to_int8
from faceloom_export.graph.simplify import simplify

# The newest opset whose operators all run on onnxruntime's CUDA provider as well.
OPSET = 18


def to_onnx(function: Any, opset: int = OPSET) -> onnx.ModelProto:
    """Convert a tf.function of one input and named outputs to a graph in fp32 with only the batch axis free."""
    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=opset, large_model=False
    )
    model.doc_string = ""
    simplify(model)
    return model


def in_precision(
    model: onnx.ModelProto, precision: Precision, faces: RgbBatch, folder: Path
) -> onnx.ModelProto:
    """Return a graph in fp32, fp16 or int8; `faces` calibrate int8, `folder` takes files for a moment."""
    if precision == "fp16":
        return to_half(model)
    if precision == "int8":
        return to_int8(model, faces, folder)
    return model


def write_onnx(model: onnx.ModelProto, path: Path, metadata: Mapping[str, str]) -> None:
    """Record `metadata` in a graph, check it, write it.

    Raises onnx.checker.ValidationError if the graph is not valid ONNX with consistent shapes.
    """
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
