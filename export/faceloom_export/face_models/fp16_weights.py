"""Store a model's weights in fp16, half their size; it still computes in fp32.

onnxruntime evaluates the casts when it opens the model, so that it is as fast as before.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Numbers in a constant from which it is stored in fp16: smaller ones save nothing.
_LEAST_NUMBERS = 256


def store_weights_in_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with its large constants in fp16, each cast to fp32 before its use.

    Args:
        model: An fp32 model; it is not changed.
    """
    result = onnx.ModelProto.FromString(model.SerializeToString())
    graph = result.graph
    casts = []
    for constant in graph.initializer:
        value, name = numpy_helper.to_array(constant), constant.name
        if value.dtype == np.float32 and value.size >= _LEAST_NUMBERS:
            stored = f"{name}/fp16"
            constant.CopyFrom(numpy_helper.from_array(value.astype(np.float16), stored))
            casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:], graph.value_info[:]
    graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(result, full_check=True)
    return result
