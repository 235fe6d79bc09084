"""Write a bundle: graphs, manifest and golden sample, refused unless they agree with the trained model."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceloom import __version__
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.hashing import sha256_of_file
from faceloom.json_documents import to_json
from faceloom.progress import Progress, ProgressGenerator
from faceloom.swap.bundle.bundle import MARKER, Bundle, Golden
from faceloom.swap.bundle.manifest import (
    BlendRow,
    GoldenRow,
    GraphRow,
    Manifest,
    Precision,
    ProofRow,
    TrainingRow,
)
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.sources.face_source import Swapped
from faceloom_export.bundle.bundle_writer import refuse_bundle, replacing_bundle
from faceloom_export.bundle.metadata import provenance
from faceloom_export.graph.swap_graph import decoder_number, load_networks, swap_function
from faceloom_export.graph.tensor_names import tensor_rows
from faceloom_export.graph.tensorflow_to_onnx import OPSET, in_precision, to_onnx, write_onnx
from faceloom_export.verification.calibration_sample import Sample, crop_points, sample_faces
from faceloom_export.verification.parity_check import LIMITS, Judge, run_model, tolerance_for
from faceloom_export.verification.sharpening_estimate import needed_sharpening
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run

_GRAPHS: dict[Precision, str] = {
    "fp32": "swap.onnx",
    "fp16": "swap.fp16.onnx",
    "int8": "swap.int8.onnx",
}
_GOLDEN = "golden.npz"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """precisions: a graph for each. accept_loss: write what misses its limits as well, and record that.

    step: of which checkpoint, "last", "best" or its number (see `find_checkpoint`).
    """

    precisions: Sequence[Precision] = ("fp32",)
    accept_loss: bool = False
    step: str = "last"
    force: bool = False


@dataclass(frozen=True, slots=True)
class ExportedGraph:
    """A graph that was written, and its figures."""

    precision: Precision
    bytes: int
    proof: ProofRow


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What was exported, from which step of the training."""

    identity: str
    step: int
    graphs: tuple[ExportedGraph, ...]
    seconds: float


def export_bundle(
    run_path: Path, identity: str, out: Path, options: ExportOptions | None = None
) -> ProgressGenerator[ExportSummary]:
    """Write the bundle that lets others wear `identity`'s face.

    Raises UsageError if `out` exists or there is no such precision; ArtifactRefused if the run has no such identity or
    checkpoint, or if a graph in onnxruntime and the trained model disagree; then nothing is written.
    """
    started = time.monotonic()
    options = options or ExportOptions()
    _refuse_precisions(options.precisions)
    refuse_bundle(out, force=options.force, inputs=[run_path])
    run = Run.read(run_path)
    decoder = decoder_number(run, identity)
    total = 2 + len(options.precisions)
    yield Progress("export", 0, total, "loading the checkpoint")
    networks, step = load_networks(run, options.step)
    function = swap_function(networks, decoder, run.settings.network.size)
    sample = sample_faces(run, identity)
    wanted = run_model(function, sample.proof)
    judge = Judge(sample.proof, wanted, crop_points(run.settings), sample.center)
    yield Progress("export", 1, total, "converting to ONNX")
    graph = to_onnx(function)
    with replacing_bundle(out) as part:
        golden = Golden(
            sample.proof[sample.golden], wanted.faces[sample.golden], wanted.masks[sample.golden]
        )
        np.savez_compressed(
            part / _GOLDEN, faces=golden.faces, swapped=golden.swapped, masks=golden.masks
        )
        rows = []
        for number, precision in enumerate(options.precisions):
            yield Progress("export", 2 + number, total, f"writing and proving {precision}")
            model = in_precision(graph, precision, sample.calibration, part)
            write_onnx(model, part / _GRAPHS[precision], provenance(run, identity, step, precision))
            rows.append(_graph_row(run, precision, part))
        blend = BlendRow(sharpen=_sharpening(sample, wanted))
        manifest = _manifest(run, identity, step, part, rows, len(sample.golden), blend)
        manifest = _proven(Bundle(part, manifest), judge, golden, accept_loss=options.accept_loss)
        (part / MARKER).write_text(to_json(manifest), encoding="utf-8")
        graphs = tuple(_exported(part, manifest))
    yield Progress("export", total, total, "done")
    return ExportSummary(identity, step, graphs, time.monotonic() - started)


def _sharpening(sample: Sample, drawn: Swapped) -> float:
    """What the runner is to sharpen by, from the sample and what the trained model made of it."""
    own = np.isin(np.arange(len(sample.proof)), sample.own)
    return needed_sharpening(
        Swapped(sample.proof[own], drawn.masks[own]), Swapped(drawn.faces[~own], drawn.masks[~own])
    )


def _refuse_precisions(precisions: Sequence[str]) -> None:
    for name in precisions:
        if name not in _GRAPHS:
            raise UsageError(
                f"There is no precision {name!r}; choose one or more of {', '.join(_GRAPHS)}."
            )
    if len(set(precisions)) < len(precisions) or not precisions:
        raise UsageError("Name at least one precision, and each once.")


def _graph_row(run: Run, precision: Precision, part: Path) -> GraphRow:
    """The manifest's row of a graph that is not proven yet."""
    face, swapped, mask = tensor_rows(run.settings.network.size)
    file = _GRAPHS[precision]
    return GraphRow(
        file=file,
        sha256=sha256_of_file(part / file),
        precision=precision,
        opset=OPSET,
        face=face,
        swapped=swapped,
        mask=mask,
        tolerance=LIMITS[precision].tolerance(),
    )


def _manifest(
    run: Run,
    identity: str,
    step: int,
    part: Path,
    graphs: Sequence[GraphRow],
    golden_faces: int,
    blend: BlendRow,
) -> Manifest:
    settings = run.settings
    return Manifest(
        faceloom=__version__,
        identity=identity,
        identities=run.identities,
        crop=network_crop(settings),
        hide_background=settings.hide_background,
        graphs=tuple(graphs),
        golden=GoldenRow(file=_GOLDEN, sha256=sha256_of_file(part / _GOLDEN), faces=golden_faces),
        blend=blend,
        training=TrainingRow(
            network=settings.network.kind, steps=step, settings_sha256=settings.sha256()
        ),
        consent=settings.consent,
        license=settings.license,
    )


def _proven(bundle: Bundle, judge: Judge, golden: Golden, *, accept_loss: bool) -> Manifest:
    """Replay the sample through the runtime's own code, with every graph, and record how near each came."""
    rows = []
    for row in bundle.manifest.graphs:
        network = SwapNetwork.open(bundle, "cpu", row.precision)
        proof, missed = judge.prove(network)
        if missed and not accept_loss:
            raise ArtifactRefused(
                f"The {row.precision} graph differs too much from the trained model and nothing was written "
                f"({'; '.join(missed)}); leave this precision out, or take the loss with --accept-loss."
            )
        proof = proof.model_copy(update={"accepted": tuple(missed)})
        tolerance = tolerance_for(proof, network.replay(golden))
        rows.append(row.model_copy(update={"proof": proof, "tolerance": tolerance}))
    return bundle.manifest.model_copy(update={"graphs": tuple(rows)})


def _exported(part: Path, manifest: Manifest) -> Iterator[ExportedGraph]:
    for row in manifest.graphs:
        assert row.proof
        yield ExportedGraph(row.precision, (part / row.file).stat().st_size, row.proof)
