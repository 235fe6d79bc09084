"""Make a .dfm of 1 kB whose network is known: it halves blue, keeps green, empties red."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 48
# What it makes of a BGR picture, and its two masks.
BGR, TARGET_MASK, DRAWN_MASK = (0.5, 1.0, 0.0), 0.75, 0.5


def make_dfm(
    path: Path,
    *,
    morph: bool = False,
    shape: tuple[object, ...] = ("n", SIDE, SIDE, 3),
    **changes: object,
) -> Path:
    """Write it. With `morph`, the picture is inverted by as much as the slider says.

    changes: opset, inputs (further ones), outputs (how many), domain (of one more node), external (a weight's file),
    crooked (a face that is not square).
    """
    inputs = [helper.make_tensor_value_info("in_face:0", TensorProto.FLOAT, shape)]
    inputs += (
        [helper.make_tensor_value_info("morph_value:0", TensorProto.FLOAT, [1])] if morph else []
    )
    inputs += [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
        for name in changes.get("inputs", ())
    ]
    nodes = [helper.make_node("Mul", ["in_face:0", "bgr"], ["face"])]
    if morph:
        nodes += [
            helper.make_node("Sub", ["one", "face"], ["inverted"]),
            helper.make_node("Sub", ["inverted", "face"], ["change"]),
            helper.make_node("Mul", ["change", "morph_value:0"], ["moved"]),
            helper.make_node("Add", ["face", "moved"], ["out_celeb_face:0"]),
        ]
    else:
        nodes.append(
            helper.make_node("Slice", ["face", "first", "rows", "axis"], ["out_celeb_face:0"])
        )
    for name, value in (
        ("out_face_mask:0", "target_mask"),
        ("out_celeb_face_mask:0", "drawn_mask"),
    ):
        nodes += [
            helper.make_node("ReduceMean", ["in_face:0"], [f"{name}mean"], axes=[3], keepdims=1),
            helper.make_node("Clip", [f"{name}mean", value, value], [name]),
        ]
    if domain := changes.get("domain"):
        nodes.append(helper.make_node("Magic", ["face"], ["unused"], domain=str(domain)))
    constants = {"bgr": BGR, "one": 1, "target_mask": TARGET_MASK, "drawn_mask": DRAWN_MASK}
    tensors = [
        numpy_helper.from_array(np.asarray(value, np.float32), name)
        for name, value in constants.items()
    ]
    whole = {"first": 0, "rows": SIDE - 1 if changes.get("crooked") else SIDE, "axis": 1}
    tensors += [
        numpy_helper.from_array(np.array([value], np.int64), name) for name, value in whole.items()
    ]
    if external := changes.get("external"):
        onnx.external_data_helper.set_external_data(tensors[0], str(external))
        tensors[0].ClearField("raw_data")
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None, channels])
        for name, channels in (
            ("out_face_mask:0", 1),
            ("out_celeb_face:0", 3),
            ("out_celeb_face_mask:0", 1),
        )
    ]
    graph = helper.make_graph(
        nodes, "dfm", inputs, outputs[: int(changes.get("outputs", 3))], tensors
    )
    domains = [helper.make_opsetid("", int(changes.get("opset", 12)))]
    domains += [helper.make_opsetid(str(domain), 1)] if domain else []
    path.write_bytes(
        helper.make_model(graph, opset_imports=domains, ir_version=7).SerializeToString()
    )
    return path
