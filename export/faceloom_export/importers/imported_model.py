"""A model of another program in the form of a .dfm, and its conversion to a bundle's graph."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from jaxtyping import Float32
from onnx import TensorProto, helper, numpy_helper

from faceloom.array_types import RgbBatch, float32, to_uint8
from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry
from faceloom.onnx_session import create_session, first_line
from faceloom.swap.bundle.bundle import GoldenSample
from faceloom.swap.bundle.manifest import ImportedRow
from faceloom_export.graph.tensor_names import FACE, MASK, SWAPPED

# The two names of ONNX' standard operator domain.
STANDARD_DOMAINS = ("", "ai.onnx")
# Prefix of every name in the imported graph, so that none equals a name of ours.
_PREFIX = "imported/"


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """A checked model of another program."""

    onnx_model: onnx.ModelProto
    """A graph as in a .dfm: one input, BGR 0..1 [n, r, r, 3]; three outputs in 0..1, by position
    the target's mask, the swapped face (BGR) and its mask."""
    crop: CropGeometry
    """The crops that the model expects."""
    row: ImportedRow
    """The file's row in the manifest."""
    metadata: dict[str, str]
    """The ONNX metadata properties of the file."""

    def without_graph(self) -> "ImportedModel":
        """Return the rest, so that the graph's memory can be freed."""
        return replace(self, onnx_model=onnx.ModelProto())


def standard_opset(model: onnx.ModelProto) -> int:
    """Return the version of the standard operators that a model imports.

    Args:
        model: A model, which may give the domain either of its two names.

    Returns:
        The version; 0 if the model imports none.
    """
    opsets = (entry.version for entry in model.opset_import if entry.domain in STANDARD_DOMAINS)
    return next(opsets, 0)


def to_bundle_graph(model: onnx.ModelProto, side: int) -> onnx.ModelProto:
    """Convert a graph to a bundle's inputs and outputs.

    Args:
        model: A graph as in a .dfm (see `ImportedModel.onnx_model`); it is changed.
        side: Side of the crops in pixels.

    Returns:
        The same graph with uint8 RGB as input; its outputs are uint8 RGB and the smaller of both
        masks.
    """
    wrapped = onnx.compose.add_prefix(model, _PREFIX, inplace=True)
    graph = wrapped.graph
    (face,) = graph.input
    target_mask, swapped, swapped_mask = (output.name for output in graph.output)
    before = [
        helper.make_node("Cast", [FACE], ["face_level"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["face_level", "one_level"], ["face_rgb"]),
        helper.make_node("Gather", ["face_rgb", "reversed"], [face.name], axis=3),
    ]
    after = [
        helper.make_node("Gather", [swapped, "reversed"], ["swapped_rgb"], axis=3),
        *_to_uint8_nodes("swapped_rgb", SWAPPED),
        helper.make_node("Min", [target_mask, swapped_mask], ["both_masks"]),
        *_to_uint8_nodes("both_masks", MASK),
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
    graph.input.append(_uint8_value(FACE, side, 3))
    graph.output.extend([_uint8_value(SWAPPED, side, 3), _uint8_value(MASK, side, 1)])
    return wrapped


def golden_from_model(model: ImportedModel, graph: Path, faces: RgbBatch) -> GoldenSample:
    """Run the imported model on faces, with the conversion to levels done in NumPy.

    Args:
        model: The imported model; its graph is not used.
        graph: File of its graph, as in a .dfm.
        faces: Crops of the model's size.

    Returns:
        The faces with the model's outputs for them.

    Raises:
        ArtifactRefused: If the model does not run, or its outputs have other shapes than those of
            a .dfm or are not finite.
    """
    side = model.crop.size
    try:
        session = create_session(graph)
        outputs = session.run(None, {session.get_inputs()[0].name: float32(faces[..., ::-1]) / 255})
    except Exception as error:  # onnxruntime raises its own undocumented classes
        raise _refused(model, f"does not run ({first_line(error)})") from error
    for output, channels in zip(outputs, (1, 3, 1), strict=True):
        if output.shape != (len(faces), side, side, channels):
            raise _refused(
                model, f"has an output of {output.shape[1:]} instead of {(side, side, channels)}"
            )
        if not np.isfinite(output).all():
            raise _refused(model, "computes values that are not finite")
    target_mask, swapped, swapped_mask = outputs
    mask = np.minimum(target_mask, swapped_mask)[..., 0]
    return GoldenSample(faces, _to_levels(swapped[..., ::-1]), _to_levels(mask))


def _refused(model: ImportedModel, problem: str) -> ArtifactRefused:
    return ArtifactRefused(f"{model.row.file} {problem}; nothing was written.")


def _to_levels(values: Float32[np.ndarray, "..."]) -> np.ndarray:
    return to_uint8(255 * np.clip(values, 0, 1))


def _to_uint8_nodes(name: str, result: str) -> list[onnx.NodeProto]:
    """Return the nodes that convert 0..1 to uint8 levels."""
    return [
        helper.make_node("Clip", [name, "least", "most"], [f"{name}_clipped"]),
        helper.make_node("Mul", [f"{name}_clipped", "levels"], [f"{name}_level"]),
        helper.make_node("Round", [f"{name}_level"], [f"{name}_rounded"]),
        helper.make_node("Cast", [f"{name}_rounded"], [result], to=TensorProto.UINT8),
    ]


def _uint8_value(name: str, side: int, channels: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.UINT8, ["batch", side, side, channels])
