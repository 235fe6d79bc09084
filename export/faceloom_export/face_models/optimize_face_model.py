"""Optimize a published face model for onnxruntime on the CPU; the outputs stay the same.

python -m faceloom_export.face_models.optimize_face_model ORIGINAL.onnx VENDORED.onnx
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from faceloom_export.face_models.prelu_rewrite import replace_prelu


def make_batch_axis_dynamic(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with a dynamic batch axis, so that it runs any number of faces at once.

    The first axis of every input and output is the batch; Reshape nodes copy it.

    Args:
        model: A model with a fixed batch size; it is not changed.
    """
    result = onnx.ModelProto.FromString(model.SerializeToString())
    graph = result.graph
    batch_size = graph.input[0].type.tensor_type.shape.dim[0].dim_value
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "faces"
    shape_names = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for constant in graph.initializer:
        if constant.name in shape_names:
            shape = numpy_helper.to_array(constant)
            # In a Reshape, 0 copies the axis of the input.
            first = np.where(shape[:1] == batch_size, 0, shape[:1])
            dynamic = np.concatenate([first, shape[1:]])
            constant.CopyFrom(numpy_helper.from_array(dynamic, constant.name))
    del graph.value_info[:]
    onnx.checker.check_model(result, full_check=True)
    return result


def _main(original: str, vendored: str) -> None:
    model = replace_prelu(onnx.load(original))
    Path(vendored).write_bytes(make_batch_axis_dynamic(model).SerializeToString())


if __name__ == "__main__":
    _main(*sys.argv[1:])
