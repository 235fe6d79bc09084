"""From a TensorFlow function to a checked ONNX file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import tf2onnx

# The newest opset whose operators all run on onnxruntime's CUDA provider as well.
OPSET = 18


def write_onnx(function: Any, path: Path, metadata: Mapping[str, str]) -> None:
    """Convert `swap_function`'s result, record `metadata`, check it, write it.

    Raises onnx.checker.ValidationError if the graph is not valid ONNX with consistent shapes.
    """
    write_checked(to_onnx(function, OPSET), path, metadata)


def to_onnx(function: Any, opset: int) -> onnx.ModelProto:
    """Convert a tf.function of one input and named outputs, and name its batch axis."""
    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=opset, large_model=False
    )
    _name_batch_axis(model)
    model.doc_string = ""
    return model


def write_checked(model: onnx.ModelProto, path: Path, metadata: Mapping[str, str]) -> None:
    """Record `metadata` in a model, check it with its shapes, write it."""
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def _name_batch_axis(model: onnx.ModelProto) -> None:
    """tf2onnx calls it unk__N."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del model.graph.value_info[:]
