"""Import another program's model as a bundle, verified against the model itself."""

import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
import onnx

from faceloom.array_types import RgbBatch
from faceloom.artifact_kind import Purpose, check_kind
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import CropGeometry, crop_face
from faceloom.faces.face_finder import FaceFinder
from faceloom.json_documents import to_json
from faceloom.output_lock import while_locked
from faceloom.progress import Progress, ProgressGenerator
from faceloom.provenance import ConsentRecord
from faceloom.provenance.metadata import from_metadata
from faceloom.swap.bundle.bundle import MANIFEST_FILE, Bundle, GoldenSample
from faceloom.swap.bundle.manifest import ToleranceRow, TrainingRow
from faceloom.swap.bundle.output_difference import OutputDifference
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.video import read_frames
from faceloom_export.bundle.bundle_writer import atomic_bundle, check_bundle_path
from faceloom_export.bundle.manifest_builder import (
    GRAPH_FILES,
    ModelDescription,
    build_graph_row,
    build_manifest,
    write_golden_sample,
)
from faceloom_export.importers.dfm_reader import read_dfm
from faceloom_export.importers.faceswap_reader import DEFAULT_COVERAGE, read_faceswap
from faceloom_export.importers.imported_model import (
    ImportedModel,
    golden_from_model,
    standard_opset,
    to_bundle_graph,
)

# Rounding to levels: many outputs of a float model lie halfway between two levels, so either
# neighbor is correct.
_TOLERANCE = ToleranceRow(levels=1, min_share_within=0.9999, max_mean_difference=1)
# Every such frame of the sample's two targets gives a face for the golden sample.
_FRAME_STEP = 25

# The imported graph while the bundle is made.
_IMPORTED_FILE = "imported.onnx"

# One of the two people of a faceswap model.
Side = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of an import."""

    identity: str
    """The identity whose face the model renders."""
    morph: float = 1.0
    """Value, 0..1, that the morph input of a .dfm is fixed at."""
    side: Side = "b"
    """Which decoder of a faceswap model to use."""
    coverage: float | None = None
    """Coverage of a faceswap model's crops, which its file does not record; None: its default."""
    force: bool = False
    """Replace an existing bundle."""


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What was imported, and how far the bundle's output is from the model's."""

    identity: str
    """The identity whose face the bundle renders."""
    format: str
    """Format of the imported file: "dfm" or "faceswap"."""
    size: int
    """Side of the crops in pixels."""
    bytes: int
    """Size of the bundle's graph."""
    faces: int
    """Number of faces in the golden sample."""
    max_difference: int
    """Largest difference between bundle and model, in levels of 0..255."""
    mean_difference: float
    """Mean difference between bundle and model, in levels of 0..255."""
    seconds: float
    """Time that the import took."""


def import_model(path: Path, out: Path, options: ImportOptions) -> ProgressGenerator[ImportSummary]:
    """Write the bundle of a .dfm or of a faceswap model `original` (.keras).

    Args:
        path: The model's file.
        out: Folder or .zip of the bundle.
        options: The options.

    Yields:
        Progress in three steps.

    Returns:
        What was written.

    Raises:
        UsageError: If `out` exists or `path` has another ending.
        ArtifactRefused: If the model is damaged or not supported; then nothing is written.
    """
    return while_locked(out, _import_model(path, out, options))


def _import_model(
    path: Path, out: Path, options: ImportOptions
) -> ProgressGenerator[ImportSummary]:
    started = time.monotonic()
    check_kind(path, Purpose.MODEL)
    check_bundle_path(out, force=options.force, inputs=[path])
    yield Progress("import", 0, 3, "reading the model")
    with atomic_bundle(out) as part:
        imported_path, graph_path = part / _IMPORTED_FILE, part / GRAPH_FILES["fp32"]
        model, opset = _write_graphs(_read_model(path, options), imported_path, graph_path)
        _check_graph(graph_path, path)
        yield Progress("import", 1, 3, "running it on the sample")
        golden = golden_from_model(model, imported_path, _sample_faces(model.crop))
        imported_path.unlink()
        golden_row = write_golden_sample(part, golden)
        yield Progress("import", 2, 3, "checking parity")
        row = build_graph_row(part, "fp32", model.crop.size, opset, _TOLERANCE)
        manifest = build_manifest(_describe_model(model, options.identity), [row], golden_row)
        difference = _check_parity(Bundle(part, manifest), golden)
        (part / MANIFEST_FILE).write_text(to_json(manifest), encoding="utf-8")
        size = graph_path.stat().st_size
    yield Progress("import", 3, 3, "done")
    return ImportSummary(
        options.identity,
        model.row.format,
        model.crop.size,
        size,
        golden_row.faces,
        difference.max,
        difference.mean,
        time.monotonic() - started,
    )


def _read_model(path: Path, options: ImportOptions) -> ImportedModel:
    if path.suffix == ".dfm":
        return read_dfm(path, options.morph)
    if path.suffix == ".keras":
        coverage = DEFAULT_COVERAGE if options.coverage is None else options.coverage
        return read_faceswap(path, options.side, coverage)
    raise UsageError(
        f"{path} cannot be imported; give a .dfm, or the .keras file of a faceswap model."
    )


def _sample_faces(crop: CropGeometry) -> RgbBatch:
    """Return faces of the sample that ships with Faceloom, as the model's file contains none."""
    sample = Path(str(files("faceloom.demo") / "sample"))
    finder, crops = FaceFinder(), []
    for name in ("ada", "ben"):
        for frame in read_frames(sample / f"target_{name}.mp4", every=_FRAME_STEP):
            for face in finder.find([frame.rgb])[0][:1]:
                crops.append(crop_face(frame.rgb, crop.frame_to_crop(face.points_xy), crop.size))
    return np.stack(crops)


def _write_graphs(
    model: ImportedModel, imported_path: Path, graph_path: Path
) -> tuple[ImportedModel, int]:
    """Write the imported graph and the bundle's; return the model without it, and the opset.

    A model may have a gigabyte, and onnxruntime needs twice that: no graph stays in memory.
    """
    imported_path.write_bytes(model.onnx_model.SerializeToString())
    graph = to_bundle_graph(model.onnx_model, model.crop.size)
    graph_path.write_bytes(graph.SerializeToString())
    return model.without_graph(), standard_opset(graph)


def _check_graph(graph_path: Path, path: Path) -> None:
    try:
        onnx.checker.check_model(str(graph_path))
    except onnx.checker.ValidationError as error:
        reason = str(error).splitlines()[0]
        raise ArtifactRefused(f"{path} is not valid ONNX ({reason}); export it again.") from error


def _describe_model(model: ImportedModel, identity: str) -> ModelDescription:
    metadata = from_metadata(model.metadata)
    return ModelDescription(
        identity=identity,
        identities=(identity,),
        crop=model.crop,
        mask_background=False,
        training=_training(metadata),
        imported=model.row,
        consent=ConsentRecord.from_text(metadata.get("consent")),
        license=metadata.get("license"),
    )


def _training(metadata: dict[str, str]) -> TrainingRow | None:
    """Return the training that Faceloom recorded in its own .dfm; None for other files."""
    try:
        return TrainingRow(
            network=metadata["network"],
            steps=int(metadata["steps"]),
            config_sha256=metadata["config_sha256"],
            base=metadata.get("base"),
        )
    except (KeyError, ValueError):
        return None


def _check_parity(bundle: Bundle, golden: GoldenSample) -> OutputDifference:
    """Replay the golden sample in the runtime; raise ArtifactRefused if it differs too much."""
    difference = SwapNetwork.open(bundle, "cpu").replay(golden)
    if violations := list(difference.violations(_TOLERANCE)):
        raise ArtifactRefused(
            f"The bundle would differ from the model ({'; '.join(violations)}) and was not "
            "written; please report this with the file."
        )
    return difference
