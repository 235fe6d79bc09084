"""From a TensorFlow function to a checked ONNX file."""

from pathlib import Path
from typing import Any

import onnx
import tf2onnx

from faceloom.swap.manifest import TensorRow
from faceloom_export.graph import FACE, MASK, SWAPPED

# The newest opset whose operators all run on onnxruntime's CUDA provider as well.
OPSET = 18


def write_onnx(function: Any, path: Path, metadata: dict[str, str]) -> None:
    """Convert `swap_function`'s result, name its batch axis, record `metadata`, check it, write it.

    Raises onnx.checker.ValidationError if the graph is not valid ONNX with consistent shapes.
    """
    model, _ = tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, opset=OPSET, large_model=False
    )
    _name_batch_axis(model)
    model.doc_string = ""
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def tensor_rows(size: int) -> tuple[TensorRow, TensorRow, TensorRow]:
    """Return the manifest's rows of the graph's face, swapped and mask."""
    return (
        TensorRow(name=FACE, dtype="uint8", shape=("batch", size, size, 3)),
        TensorRow(name=SWAPPED, dtype="uint8", shape=("batch", size, size, 3)),
        TensorRow(name=MASK, dtype="uint8", shape=("batch", size, size, 1)),
    )


def _name_batch_axis(model: onnx.ModelProto) -> None:
    """tf2onnx calls it unk__N."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del model.graph.value_info[:]
