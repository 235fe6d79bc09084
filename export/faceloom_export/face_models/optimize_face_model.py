"""Make a face model that ships of the one that others published: the same numbers, sooner.

python -m faceloom_export.face_models.optimize_face_model ORIGINAL.onnx VENDORED.onnx
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from faceloom_export.face_models.prelu_rewrite import spell_out_prelu


def open_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model for any number of faces a run, where its graph is fixed to some.

    The first axis of every input and output is the batch; what reshapes to it copies it.
    """
    opened = onnx.ModelProto.FromString(model.SerializeToString())
    graph = opened.graph
    count = graph.input[0].type.tensor_type.shape.dim[0].dim_value
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "faces"
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for constant in graph.initializer:
        if constant.name in shapes:
            shape = numpy_helper.to_array(constant)
            # 0 copies the axis.
            copied = np.concatenate([np.where(shape[:1] == count, 0, shape[:1]), shape[1:]])
            constant.CopyFrom(numpy_helper.from_array(copied, constant.name))
    del graph.value_info[:]
    onnx.checker.check_model(opened, full_check=True)
    return opened


def _main(original: str, vendored: str) -> None:
    model = spell_out_prelu(onnx.load(original))
    Path(vendored).write_bytes(open_batch(model).SerializeToString())


if __name__ == "__main__":
    _main(*sys.argv[1:])
