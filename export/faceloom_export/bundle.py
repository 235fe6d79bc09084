"""Write a bundle: graph, manifest and golden sample, refused unless they agree."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceloom import __version__
from faceloom.digest import sha256_of_file
from faceloom.documents import to_json
from faceloom.errors import ArtefactRefused
from faceloom.progress import Progress, Work
from faceloom.swap.bundle import MARKER, Bundle, Golden
from faceloom.swap.manifest import BlendRow, GoldenRow, GraphRow, Manifest, TrainingRow
from faceloom.swap.network import SwapNetwork, golden_difference
from faceloom_export.golden import golden_faces, make_golden
from faceloom_export.graph import decoder_number, load_networks, swap_function
from faceloom_export.names import tensor_rows
from faceloom_export.onnx_graph import OPSET, write_onnx
from faceloom_export.provenance import provenance
from faceloom_export.writing import refuse_bundle, replacing_bundle
from faceloom_train.data import network_crop
from faceloom_train.run import Run

# Levels of 0..255 by which onnxruntime may differ from Keras: one, where a rounding falls the other way.
_ALLOWED = 1
_GRAPH, _GOLDEN = "swap.onnx", "golden.npz"


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """The differences are between onnxruntime and Keras on the golden sample, in levels of 0..255."""

    identity: str
    step: int
    bytes: int
    faces: int
    max_difference: int
    mean_difference: float
    seconds: float


def export_bundle(run_path: Path, identity: str, out: Path, *, force: bool = False) -> Work[ExportSummary]:
    """Write the bundle that lets others wear `identity`'s face.

    Raises UsageError if `out` exists or there is no such identity, ArtefactRefused if the run has no
    usable checkpoint or if onnxruntime and Keras disagree; then nothing is written.
    """
    started = time.monotonic()
    refuse_bundle(out, force=force, inputs=[run_path])
    run = Run.read(run_path)
    decoder = decoder_number(run, identity)
    yield Progress("export", 0, 3, "loading the checkpoint")
    networks, step = load_networks(run)
    function = swap_function(networks, decoder, run.settings.network.size)
    golden = make_golden(function, golden_faces(run))
    yield Progress("export", 1, 3, "converting to ONNX")
    with replacing_bundle(out) as part:
        write_onnx(function, part / _GRAPH, provenance(run, identity, step))
        np.savez_compressed(part / _GOLDEN, faces=golden.faces, swapped=golden.swapped, masks=golden.masks)
        yield Progress("export", 2, 3, "proving it equal")
        manifest = _proven(part, _manifest(run, identity, step, part, golden))
        (part / MARKER).write_text(to_json(manifest), encoding="utf-8")
        size = (part / _GRAPH).stat().st_size
    yield Progress("export", 3, 3, "done")
    row = manifest.golden
    return ExportSummary(
        identity, step, size, row.faces, row.max_difference, row.mean_difference, time.monotonic() - started
    )


def _manifest(run: Run, identity: str, step: int, part: Path, golden: Golden) -> Manifest:
    settings = run.settings
    face, swapped, mask = tensor_rows(settings.network.size)
    return Manifest(
        faceloom=__version__,
        identity=identity,
        identities=run.identities,
        crop=network_crop(settings),
        hide_background=settings.hide_background,
        graphs=(
            GraphRow(
                file=_GRAPH,
                sha256=sha256_of_file(part / _GRAPH),
                precision="fp32",
                opset=OPSET,
                face=face,
                swapped=swapped,
                mask=mask,
            ),
        ),
        golden=GoldenRow(
            file=_GOLDEN,
            sha256=sha256_of_file(part / _GOLDEN),
            faces=len(golden.faces),
            max_difference=0,
            mean_difference=0,
            allowed_difference=_ALLOWED,
        ),
        blend=BlendRow(),
        training=TrainingRow(network=settings.network.kind, steps=step, settings_sha256=settings.sha256()),
        consent=settings.consent,
        licence=settings.licence,
    )


def _proven(part: Path, manifest: Manifest) -> Manifest:
    """Replay the golden sample through the runtime's own code and record how near it came."""
    bundle = Bundle(part, manifest)
    worst, mean = golden_difference(SwapNetwork.open(bundle, "cpu"), bundle)
    if worst > _ALLOWED:
        raise ArtefactRefused(
            f"The exported graph differs from the trained model by up to {worst} of 255 levels (mean {mean:.3f}) "
            "and was not written; please report this with the run's config.yaml."
        )
    golden = manifest.golden.model_copy(update={"max_difference": worst, "mean_difference": mean})
    return manifest.model_copy(update={"golden": golden})
