"""Build the manifest of a new bundle from the files in its folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceloom import __version__
from faceloom.choices import FaceMaskKind, Precision
from faceloom.faces.alignment import CropGeometry
from faceloom.hashing import sha256_of_file
from faceloom.provenance import ConsentRecord
from faceloom.swap.bundle.bundle import GoldenSample
from faceloom.swap.bundle.manifest import (
    BlendRow,
    GoldenRow,
    GraphRow,
    ImportedRow,
    Manifest,
    ToleranceRow,
    TrainingRow,
)
from faceloom_export.graph.tensor_names import tensor_rows

# Name of each precision's graph in a bundle.
GRAPH_FILES: dict[Precision, str] = {
    "fp32": "swap.onnx",
    "fp16": "swap.fp16.onnx",
    "int8": "swap.int8.onnx",
}
# Name of the golden sample in a bundle.
_GOLDEN_FILE = "golden.npz"


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What a manifest says of the model itself, whichever files the bundle holds."""

    identity: str
    """The identity whose face the model renders."""
    identities: tuple[str, ...]
    """All identities of the training."""
    crop: CropGeometry
    """Size, coverage and template of the network's crops."""
    mask_background: bool
    """Whether the network expects crops that are gray outside the face's outline."""
    training: TrainingRow | None
    """The training, if it is known."""
    face_mask: FaceMaskKind = "mesh"
    """How the masks that the network was trained with are made."""
    imported: ImportedRow | None = None
    """The imported file; None for a model that Faceloom trained."""
    consent: ConsentRecord | None = None
    """The record of consent."""
    license: str | None = None
    """The license, as free text."""


def write_golden_sample(folder: Path, golden: GoldenSample) -> GoldenRow:
    """Write the golden sample.

    Args:
        folder: The bundle's folder.
        golden: The sample.

    Returns:
        The file's row in the manifest.
    """
    path = folder / _GOLDEN_FILE
    np.savez_compressed(path, faces=golden.faces, swapped=golden.swapped, masks=golden.masks)
    return GoldenRow(file=_GOLDEN_FILE, sha256=sha256_of_file(path), faces=len(golden.faces))


def build_graph_row(
    folder: Path, precision: Precision, size: int, opset: int, tolerance: ToleranceRow
) -> GraphRow:
    """Return the manifest's row of a graph that is written and not verified yet.

    Args:
        folder: The bundle's folder, which holds the graph.
        precision: Precision of the graph.
        size: Side of the crops in pixels.
        opset: ONNX opset version of the graph.
        tolerance: The limits for a replay of the golden sample.
    """
    face, swapped, mask = tensor_rows(size)
    file = GRAPH_FILES[precision]
    return GraphRow(
        file=file,
        sha256=sha256_of_file(folder / file),
        precision=precision,
        opset=opset,
        face=face,
        swapped=swapped,
        mask=mask,
        tolerance=tolerance,
    )


def build_manifest(
    model: ModelDescription,
    graphs: Sequence[GraphRow],
    golden: GoldenRow,
    blend: BlendRow | None = None,
) -> Manifest:
    """Return the manifest of a new bundle.

    Args:
        model: What the model is.
        graphs: The graphs' rows.
        golden: The golden sample's row.
        blend: The suggested blend settings; None for the default.
    """
    return Manifest(
        faceloom_version=__version__,
        identity=model.identity,
        identities=model.identities,
        crop=model.crop,
        mask_background=model.mask_background,
        face_mask=model.face_mask,
        graphs=tuple(graphs),
        golden=golden,
        blend=blend or BlendRow(),
        training=model.training,
        imported=model.imported,
        consent=model.consent,
        license=model.license,
    )
