"""A model of another program, brought to the form of a .dfm, and how that becomes a bundle's graph."""

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from jaxtyping import Float32
from onnx import TensorProto, helper, numpy_helper

from faceloom.array_types import RgbBatch, float32, to_levels
from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry
from faceloom.swap.bundle.bundle import Golden
from faceloom.swap.bundle.manifest import ImportedRow
from faceloom_export.graph.tensor_names import FACE, MASK, SWAPPED

# Before every name of the other program's graph, so that none is one of ours.
_THEIRS = "imported/"


@dataclass(frozen=True, slots=True)
class Foreign:
    """A checked model: one input, BGR 0..1 [n, r, r, 3]; three outputs by position, as in a .dfm, in 0..1.

    crop: what it wants to see. metadata: the text inside its file.
    """

    model: onnx.ModelProto
    crop: CropGeometry
    row: ImportedRow
    metadata: dict[str, str]


def to_bundle_graph(model: onnx.ModelProto, side: int) -> onnx.ModelProto:
    """Put our ends on a model of .dfm's form: uint8 RGB in; uint8 RGB, and the lesser of both masks, out."""
    wrapped = onnx.compose.add_prefix(model, _THEIRS)
    graph = wrapped.graph
    (taken,) = graph.input
    target_mask, drawn, drawn_mask = (output.name for output in graph.output)
    before = [
        helper.make_node("Cast", [FACE], ["face_level"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["face_level", "one_level"], ["face_rgb"]),
        helper.make_node("Gather", ["face_rgb", "reversed"], [taken.name], axis=3),
    ]
    after = [
        helper.make_node("Gather", [drawn, "reversed"], ["drawn_rgb"], axis=3),
        *_to_levels("drawn_rgb", SWAPPED),
        helper.make_node("Min", [target_mask, drawn_mask], ["both_masks"]),
        *_to_levels("both_masks", MASK),
    ]
    constants = {"one_level": 1 / 255, "levels": 255, "least": 0, "most": 1}
    tensors = [
        numpy_helper.from_array(np.asarray(value, np.float32), name)
        for name, value in constants.items()
    ]
    reversed_channels = numpy_helper.from_array(np.array([2, 1, 0], np.int64), "reversed")
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*tensors, reversed_channels])
    graph.input.append(_levels(FACE, side, 3))
    graph.output.extend([_levels(SWAPPED, side, 3), _levels(MASK, side, 1)])
    return wrapped


def foreign_golden(foreign: Foreign, faces: RgbBatch) -> Golden:
    """Return what the model itself makes of `faces`, its ends computed here and not in the graph.

    Raises ArtifactRefused if it does not run, or gives other shapes than a .dfm does, or no numbers.
    """
    side = foreign.crop.size
    content = foreign.model.SerializeToString()
    try:
        session = ort.InferenceSession(
            content, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        outputs = session.run(None, {session.get_inputs()[0].name: float32(faces[..., ::-1]) / 255})
    except Exception as error:  # onnxruntime raises its own undocumented kinds
        raise _refused(foreign, f"does not run ({str(error).splitlines()[0][:200]})") from error
    for output, channels in zip(outputs, (1, 3, 1), strict=True):
        if output.shape != (len(faces), side, side, channels):
            raise _refused(
                foreign, f"gives an output of {output.shape[1:]} and not {(side, side, channels)}"
            )
        if not np.isfinite(output).all():
            raise _refused(foreign, "gives values that are no numbers")
    target_mask, drawn, drawn_mask = outputs
    return Golden(
        faces, _rounded(drawn[..., ::-1]), _rounded(np.minimum(target_mask, drawn_mask)[..., 0])
    )


def _refused(foreign: Foreign, what: str) -> ArtifactRefused:
    return ArtifactRefused(f"{foreign.row.file} {what}; nothing was written.")


def _rounded(values: Float32[np.ndarray, "..."]) -> np.ndarray:
    return to_levels(255 * np.clip(values, 0, 1))


def _to_levels(name: str, result: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node("Clip", [name, "least", "most"], [f"{name}_clipped"]),
        helper.make_node("Mul", [f"{name}_clipped", "levels"], [f"{name}_level"]),
        helper.make_node("Round", [f"{name}_level"], [f"{name}_rounded"]),
        helper.make_node("Cast", [f"{name}_rounded"], [result], to=TensorProto.UINT8),
    ]


def _levels(name: str, side: int, channels: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.UINT8, ["batch", side, side, channels])
