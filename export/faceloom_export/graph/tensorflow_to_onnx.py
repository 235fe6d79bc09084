"""Convert a TensorFlow function to a checked ONNX file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import tf2onnx

from faceloom.array_types import RgbBatch
from faceloom.choices import Precision
from faceloom_export.graph.fp16 import to_fp16
from faceloom_export.graph.int8 import to_int8
from faceloom_export.graph.simplify import simplify

# The newest opset whose operators all run on onnxruntime's CUDA provider as well.
OPSET = 18


def to_onnx(function: Any, opset: int = OPSET) -> onnx.ModelProto:
    """Convert a tf.function to an fp32 graph in which only the batch axis is dynamic.

    Args:
        function: A tf.function with one input and a dict of outputs.
        opset: The ONNX operator set to use.
    """
    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=opset, large_model=False
    )
    model.doc_string = ""
    simplify(model)
    return model


def convert_precision(
    model: onnx.ModelProto, precision: Precision, faces: RgbBatch, folder: Path
) -> onnx.ModelProto:
    """Return the fp32 graph in another precision; for fp32, the graph itself.

    Args:
        model: The fp32 graph.
        precision: The precision to convert to.
        faces: Crops that calibrate int8.
        folder: Folder for the temporary files of the int8 conversion.
    """
    if precision == "fp16":
        return to_fp16(model)
    if precision == "int8":
        return to_int8(model, faces, folder)
    return model


def write_onnx(model: onnx.ModelProto, path: Path, metadata: Mapping[str, str]) -> None:
    """Store the metadata in a graph, check it and write it.

    Args:
        model: The graph; its metadata properties are replaced.
        path: The file to write.
        metadata: Names and values of the metadata properties.

    Raises:
        onnx.checker.ValidationError: If the graph is not valid ONNX or its shapes disagree.
    """
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
