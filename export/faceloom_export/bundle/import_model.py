"""Make a bundle of another program's model, proven equal to it."""

import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
import onnx

from faceloom import __version__
from faceloom.array_types import RgbBatch
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import CropGeometry, crop_face
from faceloom.faces.face_finder import FaceFinder
from faceloom.hashing import sha256_of_file
from faceloom.json_documents import to_json
from faceloom.progress import Progress, ProgressGenerator
from faceloom.provenance import ConsentRecord
from faceloom.provenance.metadata import from_metadata
from faceloom.swap.bundle.bundle import MARKER, Bundle, Golden
from faceloom.swap.bundle.manifest import (
    BlendRow,
    GoldenRow,
    GraphRow,
    Manifest,
    ToleranceRow,
    TrainingRow,
)
from faceloom.swap.bundle.output_difference import Difference
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.video import read_frames
from faceloom_export.bundle.bundle_writer import refuse_bundle, replacing_bundle
from faceloom_export.graph.tensor_names import tensor_rows
from faceloom_export.importers.dfm_reader import read_dfm
from faceloom_export.importers.faceswap_reader import read_faceswap
from faceloom_export.importers.imported_model import Foreign, foreign_golden, to_bundle_graph

# Many a level of another program's model lies halfway between two, and may be rounded either way.
_TOLERANCE = ToleranceRow(levels=1, share_within=0.9999, mean_difference=1)
_GRAPH, _GOLDEN = "swap.onnx", "golden.npz"
# Faces of each of the sample's two people that the golden sample shows.
_EVERY = 25


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """morph: what the slider of a .dfm is fixed at. side, coverage: of a faceswap model, whose crop is not recorded."""

    identity: str
    morph: float = 1.0
    side: Literal["a", "b"] = "b"
    coverage: float = 1.0
    force: bool = False


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """`size`: pixels of the crop's side. The differences are between the bundle and the model, in levels of 0..255."""

    identity: str
    format: str
    size: int
    bytes: int
    faces: int
    max_difference: int
    mean_difference: float
    seconds: float


def import_model(path: Path, out: Path, options: ImportOptions) -> ProgressGenerator[ImportSummary]:
    """Write the bundle of a .dfm, or of a faceswap `original` (.keras).

    Raises UsageError if `out` exists or `path` is neither, ArtifactRefused if the model is refused; then nothing is
    written.
    """
    started = time.monotonic()
    refuse_bundle(out, force=options.force, inputs=[path])
    yield Progress("import", 0, 3, "reading the model")
    foreign = _read(path, options)
    yield Progress("import", 1, 3, "running it on the sample")
    golden = foreign_golden(foreign, _sample_faces(foreign.crop))
    with replacing_bundle(out) as part:
        graph = to_bundle_graph(foreign.model, foreign.crop.size)
        _write_graph(graph, part / _GRAPH, path)
        np.savez_compressed(
            part / _GOLDEN, faces=golden.faces, swapped=golden.swapped, masks=golden.masks
        )
        yield Progress("import", 2, 3, "proving it equal")
        manifest = _manifest(foreign, options.identity, part, len(golden.faces), graph)
        difference = _proven(Bundle(part, manifest), golden)
        (part / MARKER).write_text(to_json(manifest), encoding="utf-8")
        size = (part / _GRAPH).stat().st_size
    yield Progress("import", 3, 3, "done")
    return ImportSummary(
        options.identity,
        foreign.row.format,
        foreign.crop.size,
        size,
        manifest.golden.faces,
        difference.greatest,
        difference.mean,
        time.monotonic() - started,
    )


def _read(path: Path, options: ImportOptions) -> Foreign:
    if path.suffix == ".dfm":
        return read_dfm(path, options.morph)
    if path.suffix == ".keras":
        return read_faceswap(path, options.side, options.coverage)
    raise UsageError(f"{path} is not imported: a .dfm, or the .keras of a faceswap model, is.")


def _sample_faces(crop: CropGeometry) -> RgbBatch:
    """Return faces of the sample that ships with Faceloom: another program's model brings none of its own."""
    sample = Path(str(files("faceloom.demo") / "sample"))
    finder, crops = FaceFinder(), []
    for name in ("ada", "ben"):
        for frame in read_frames(sample / f"target_{name}.mp4", every=_EVERY):
            for face in finder.find([frame.rgb])[0][:1]:
                crops.append(crop_face(frame.rgb, crop.frame_to_crop(face.points_xy), crop.size))
    return np.stack(crops)


def _write_graph(graph: onnx.ModelProto, part: Path, path: Path) -> None:
    try:
        onnx.checker.check_model(graph)
    except onnx.checker.ValidationError as error:
        reason = str(error).splitlines()[0]
        raise ArtifactRefused(f"{path} is not valid ONNX ({reason}); export it again.") from error
    part.write_bytes(graph.SerializeToString())


def _manifest(
    foreign: Foreign, identity: str, part: Path, faces: int, graph: onnx.ModelProto
) -> Manifest:
    said = from_metadata(foreign.metadata)
    face, swapped, mask = tensor_rows(foreign.crop.size)
    return Manifest(
        faceloom=__version__,
        identity=identity,
        identities=(identity,),
        crop=foreign.crop,
        hide_background=False,
        graphs=(
            GraphRow(
                file=_GRAPH,
                sha256=sha256_of_file(part / _GRAPH),
                precision="fp32",
                opset=next(entry.version for entry in graph.opset_import if not entry.domain),
                face=face,
                swapped=swapped,
                mask=mask,
                tolerance=_TOLERANCE,
            ),
        ),
        golden=GoldenRow(file=_GOLDEN, sha256=sha256_of_file(part / _GOLDEN), faces=faces),
        blend=BlendRow(),
        training=_training(said),
        imported=foreign.row,
        consent=ConsentRecord.from_text(said.get("consent")),
        license=said.get("license"),
    )


def _training(said: dict[str, str]) -> TrainingRow | None:
    """What Faceloom wrote into a .dfm of its own; None for what others made."""
    try:
        return TrainingRow(
            network=said["network"],
            steps=int(said["steps"]),
            settings_sha256=said["settings_sha256"],
        )
    except (KeyError, ValueError):
        return None


def _proven(bundle: Bundle, golden: Golden) -> Difference:
    """Replay the sample through the runtime's own code; raise ArtifactRefused if it is not what the model made."""
    difference = SwapNetwork.open(bundle, "cpu").replay(golden)
    if problems := list(difference.beyond(_TOLERANCE)):
        raise ArtifactRefused(
            f"The bundle would differ from the model ({'; '.join(problems)}) and was not written; "
            "please report this with the file."
        )
    return difference
