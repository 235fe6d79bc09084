"""Write a .dfm: a trained face for host programs that read DeepFaceLab's ONNX format."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.atomic import atomic_file, check_output_file
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import CropGeometry, crop_face, umeyama
from faceloom.faceset import FaceSet
from faceloom.onnx_session import open_cpu_session
from faceloom.output_lock import while_locked
from faceloom.progress import Progress, ProgressGenerator
from faceloom_export.bundle.metadata import graph_metadata
from faceloom_export.dfm.dfm_graph import IN_FACE, build_dfm_function, to_dfm_model
from faceloom_export.dfm.host_crops import HOST_CROPS, CropWindow
from faceloom_export.dfm.host_programs import HostProgram
from faceloom_export.dfm.mean_mask import mean_mask
from faceloom_export.graph.swap_graph import decoder_index, load_networks
from faceloom_export.graph.tensorflow_to_onnx import write_onnx
from faceloom_export.verification.export_sample import evenly_spaced
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run

# Largest allowed difference between onnxruntime and Keras, in levels of 0..255; the graph's
# outputs are floats, so nothing is rounded.
_MAX_DIFFERENCE = 0.5
# Faces of each identity that the parity check runs.
_PARITY_FACES = 4


@dataclass(frozen=True, slots=True)
class DfmSummary:
    """What was exported, and how far onnxruntime's output is from Keras'."""

    identity: str
    """The identity whose face the file renders."""
    step: int
    """Training step of the exported checkpoint."""
    bytes: int
    """Size of the file."""
    faces: int
    """Number of faces that the parity check ran."""
    max_difference: int
    """Largest difference to Keras, in levels of 0..255."""
    mean_difference: float
    """Mean difference to Keras, in levels of 0..255."""
    seconds: float
    """Time that the export took."""


def export_dfm(
    run_path: Path,
    identity: str,
    out: Path,
    *,
    target: str | None = None,
    host: HostProgram = "dfl",
    step: str = "last",
    force: bool = False,
) -> ProgressGenerator[DfmSummary]:
    """Write the .dfm that renders an identity's face.

    Args:
        run_path: Folder of the run.
        identity: The identity whose face is rendered.
        out: The .dfm file to write.
        target: The identity whose face is replaced, whose decoder predicts the mask; None for the
            run's first other identity.
        host: The host program whose crop the file fits.
        step: The checkpoint: "last", "best" or a step number.
        force: Replace an existing file.

    Yields:
        Progress in three steps.

    Returns:
        What was written.

    Raises:
        UsageError: If `out` exists or does not end in .dfm, `step` is no step, or the network is
            too small for the host program.
        ArtifactRefused: If the run has no such identity or checkpoint, a face set is missing, or
            the graph in onnxruntime differs from the trained model; then nothing is written.
        ProviderMissing: If the Keras backend is not TensorFlow.
    """
    work = _export_dfm(run_path, identity, out, target=target, host=host, step=step, force=force)
    return while_locked(out, work)


def _export_dfm(
    run_path: Path,
    identity: str,
    out: Path,
    *,
    target: str | None,
    host: HostProgram,
    step: str,
    force: bool,
) -> ProgressGenerator[DfmSummary]:
    started = time.monotonic()
    if out.suffix != ".dfm":
        raise UsageError(
            f"{out} must end in .dfm, as host programs look for; name it {out.stem}.dfm."
        )
    check_output_file(out, force=force)
    run = Run.read(run_path)
    decoder = decoder_index(run, identity)
    target = target or next(name for name in run.identities if name != identity)
    target_decoder = decoder_index(run, target)
    yield Progress("export", 0, 3, "loading the checkpoint")
    networks, loaded_step = load_networks(run, step)
    mask = mean_mask(run) if run.settings.mask_background else None
    window = CropWindow.of(network_crop(run.settings), host)
    blends = HOST_CROPS[host].ignores_masks
    function = build_dfm_function(networks, decoder, target_decoder, window, mask, blends=blends)
    yield Progress("export", 1, 3, "converting to ONNX")
    with atomic_file(out) as part:
        metadata = graph_metadata(run, identity, loaded_step, "fp32")
        write_onnx(to_dfm_model(function), part, metadata)
        yield Progress("export", 2, 3, "checking parity")
        template = HOST_CROPS[host].template()
        crop = CropGeometry(size=window.host_side, coverage=1, template=template)
        faces = _sample_faces(run, crop)
        greatest, mean = _check_parity(part, function, faces)
        size = part.stat().st_size
    yield Progress("export", 3, 3, "done")
    return DfmSummary(
        identity, loaded_step, size, len(faces), greatest, mean, time.monotonic() - started
    )


def _sample_faces(run: Run, crop: CropGeometry) -> Float32[np.ndarray, "n r r 3"]:
    """Return a few faces of every identity as a host program passes them: BGR, 0..1."""
    crops = []
    for path in run.faces.values():
        faceset = FaceSet.read(path)
        to_crop = umeyama(faceset.geometry.template_xy(), crop.template_xy())
        rows = [faceset.rows[index] for index in evenly_spaced(len(faceset), _PARITY_FACES)]
        crops += [crop_face(faceset.read_crop(row), to_crop, crop.size) for row in rows]
    return float32(np.stack(crops)[..., ::-1]) / 255


def _check_parity(
    path: Path, function: Any, faces: Float32[np.ndarray, "n r r 3"]
) -> tuple[int, float]:
    """Return the greatest and the mean difference to Keras in levels; raise if it is too large."""
    session = open_cpu_session(path)
    expected = function(faces)
    pairs = zip(
        session.run(None, {IN_FACE: faces}),
        (expected[key].numpy() for key in sorted(expected)),
        strict=True,
    )
    differences = np.concatenate(
        [255 * np.abs(actual - target).ravel() for actual, target in pairs]
    )
    greatest, mean = float(differences.max()), float(differences.mean())
    # This form of the comparison also rejects NaN.
    if not greatest <= _MAX_DIFFERENCE:
        raise ArtifactRefused(
            f"The exported graph differs from the trained model by up to {greatest:.1f} of 255 "
            "levels and was not written; please report this with the run's config.yaml."
        )
    return round(greatest), mean
