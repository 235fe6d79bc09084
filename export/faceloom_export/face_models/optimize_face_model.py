"""Optimize a published face model for onnxruntime on the CPU; the outputs stay the same.

python -m faceloom_export.face_models.optimize_face_model ORIGINAL.onnx VENDORED.onnx [OPTIONS]
"""

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from faceloom_export.face_models.fp16_weights import store_weights_in_fp16
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


def _main() -> None:
    parser = ArgumentParser(description="Optimize a published face model for the CPU.")
    parser.add_argument("original", type=Path, help="The published ONNX file.")
    parser.add_argument("vendored", type=Path, help="The file to write.")
    parser.add_argument(
        "--fixed-batch", action="store_true", help="Keep the batch axis: one face a run."
    )
    parser.add_argument(
        "--fp16-weights", action="store_true", help="Store the weights in half the size."
    )
    arguments = parser.parse_args()
    model = replace_prelu(onnx.load(arguments.original))
    if not arguments.fixed_batch:
        model = make_batch_axis_dynamic(model)
    if arguments.fp16_weights:
        model = store_weights_in_fp16(model)
    arguments.vendored.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    _main()
