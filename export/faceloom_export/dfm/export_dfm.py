"""Write a .dfm: a trained face for the programs that read DeepFaceLive's format."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.atomic import refuse_file, replacing_file
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import CropGeometry, crop_face, umeyama
from faceloom.faceset import FaceSet
from faceloom.progress import Progress, ProgressGenerator
from faceloom_export.bundle.metadata import provenance
from faceloom_export.dfm.dfm_graph import IN_FACE, dfm_function, dfm_model
from faceloom_export.dfm.host_crops import HOSTS, Window
from faceloom_export.dfm.mean_mask import mean_mask
from faceloom_export.graph.swap_graph import decoder_number, load_networks
from faceloom_export.graph.tensorflow_to_onnx import write_onnx
from faceloom_export.verification.calibration_sample import spread
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run

# Levels of 0..255 by which onnxruntime may differ from Keras; nothing is rounded inside such a graph.
_ALLOWED = 0.5
# Faces of each identity that prove it.
_FACES = 4


@dataclass(frozen=True, slots=True)
class DfmSummary:
    """What was exported, from which step of the training. The differences are to Keras, in levels of 0..255."""

    identity: str
    step: int
    bytes: int
    faces: int
    max_difference: int
    mean_difference: float
    seconds: float


def export_dfm(
    run_path: Path,
    identity: str,
    out: Path,
    *,
    target: str | None = None,
    host: str = "dfl",
    step: str = "last",
    force: bool = False,
) -> ProgressGenerator[DfmSummary]:
    """Write the .dfm that lets others wear `identity`'s face.

    target: the identity whose face is replaced there (the first other one if None): its decoder draws the mask
    of the face that is seen. host: a key of HOSTS, whose crop is meant. step: see
    `ExportOptions`. Raises what `export_bundle` raises.
    """
    started = time.monotonic()
    if out.suffix != ".dfm":
        raise UsageError(
            f"{out}: the programs that read .dfm files look for that ending; name it {out.stem}.dfm."
        )
    refuse_file(out, force=force)
    run = Run.read(run_path)
    decoder = decoder_number(run, identity)
    seen = decoder_number(run, target or next(name for name in run.identities if name != identity))
    yield Progress("export", 0, 3, "loading the checkpoint")
    networks, loaded = load_networks(run, step)
    shape = mean_mask(run) if run.settings.hide_background else None
    window = Window.of(network_crop(run.settings), host)
    function = dfm_function(networks, decoder, seen, window, shape)
    yield Progress("export", 1, 3, "converting to ONNX")
    with replacing_file(out) as part:
        write_onnx(dfm_model(function), part, provenance(run, identity, loaded, "fp32"))
        yield Progress("export", 2, 3, "proving it equal")
        faces = _sample(run, CropGeometry(size=window.side, coverage=1, template=HOSTS[host]))
        worst, mean = _difference(part, function, faces)
        size = part.stat().st_size
    yield Progress("export", 3, 3, "done")
    return DfmSummary(identity, loaded, size, len(faces), worst, mean, time.monotonic() - started)


def _sample(run: Run, crop: CropGeometry) -> Float32[np.ndarray, "n r r 3"]:
    """Return a few faces of every identity as a program for .dfm files would hand them over."""
    crops = []
    for path in run.faces.values():
        faceset = FaceSet.read(path)
        to_crop = umeyama(faceset.geometry.template_xy(), crop.template_xy())
        rows = [faceset.rows[number] for number in spread(len(faceset), _FACES)]
        crops += [crop_face(faceset.read_crop(row), to_crop, crop.size) for row in rows]
    return float32(np.stack(crops)[..., ::-1]) / 255


def _difference(
    path: Path, function: Any, faces: Float32[np.ndarray, "n r r 3"]
) -> tuple[int, float]:
    """Return the greatest and the mean difference to Keras in levels; raise ArtifactRefused beyond _ALLOWED."""
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    expected = function(faces)
    pairs = zip(
        session.run(None, {IN_FACE: faces}),
        (expected[key].numpy() for key in sorted(expected)),
        strict=True,
    )
    differences = np.concatenate([255 * np.abs(found - wanted).ravel() for found, wanted in pairs])
    worst, mean = float(differences.max()), float(differences.mean())
    # Written so that a difference that is no number is refused as well.
    if not worst <= _ALLOWED:
        raise ArtifactRefused(
            f"The exported graph differs from the trained model by up to {worst:.1f} of 255 levels "
            "and was not written; please report this with the run's config.yaml."
        )
    return round(worst), mean
