"""Export a run's identity as a bundle, written only if its graphs match the trained model."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceloom.choices import Precision
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.json_documents import to_json
from faceloom.output_lock import while_locked
from faceloom.progress import Progress, ProgressGenerator
from faceloom.swap.bundle.bundle import MANIFEST_FILE, Bundle, GoldenSample
from faceloom.swap.bundle.manifest import (
    BlendRow,
    Manifest,
    ParityRow,
    TrainingRow,
)
from faceloom.swap.inference.swap_network import SwapNetwork
from faceloom.swap.sources.face_source import Predictions
from faceloom_export.bundle.bundle_writer import atomic_bundle, check_bundle_path
from faceloom_export.bundle.manifest_builder import (
    GRAPH_FILES,
    ModelDescription,
    build_graph_row,
    build_manifest,
    write_golden_sample,
)
from faceloom_export.bundle.metadata import graph_metadata
from faceloom_export.graph.swap_graph import build_swap_function, decoder_index, load_networks
from faceloom_export.graph.tensorflow_to_onnx import OPSET, convert_precision, to_onnx, write_onnx
from faceloom_export.verification.export_sample import (
    ExportSample,
    crop_five_points,
    read_export_sample,
)
from faceloom_export.verification.parity_check import (
    LIMITS,
    ParityChecker,
    run_model,
    tolerance_for,
)
from faceloom_export.verification.sharpening_estimate import estimate_sharpening
from faceloom_train.data.dataset import network_crop
from faceloom_train.runs.run_directory import Run


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Options of an export."""

    precisions: Sequence[Precision] = ("fp32",)
    """A graph is written for each."""
    accept_loss: bool = False
    """Write graphs that exceed their limits as well, and record that in the manifest."""
    step: str = "last"
    """The checkpoint: "last", "best" or a step number."""
    force: bool = False
    """Replace an existing bundle."""


@dataclass(frozen=True, slots=True)
class ExportedGraph:
    """A graph of the bundle."""

    precision: Precision
    """Number format of the graph."""
    bytes: int
    """Size of the file."""
    parity: ParityRow
    """Result of the parity check."""


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What was exported."""

    identity: str
    """The identity whose face the bundle renders."""
    step: int
    """Training step of the exported checkpoint."""
    graphs: tuple[ExportedGraph, ...]
    """One graph for each precision."""
    seconds: float
    """Time that the export took."""


def export_bundle(
    run_path: Path, identity: str, out: Path, options: ExportOptions | None = None
) -> ProgressGenerator[ExportSummary]:
    """Write the bundle that renders an identity's face.

    Args:
        run_path: Folder of the run.
        identity: The identity whose face is rendered.
        out: Folder or .zip of the bundle.
        options: The options; None for the defaults.

    Yields:
        Progress: two steps, and one for each precision.

    Returns:
        What was written.

    Raises:
        UsageError: If `out` exists, or a precision or the step is unknown.
        ArtifactRefused: If the run has no such identity or checkpoint, a face set is missing, or
            a graph in onnxruntime differs from the trained model; then nothing is written.
        ProviderMissing: If the Keras backend is not TensorFlow.
    """
    return while_locked(out, _export_bundle(run_path, identity, out, options or ExportOptions()))


def _export_bundle(
    run_path: Path, identity: str, out: Path, options: ExportOptions
) -> ProgressGenerator[ExportSummary]:
    started = time.monotonic()
    _check_precisions(options.precisions)
    check_bundle_path(out, force=options.force, inputs=[run_path])
    run = Run.read(run_path)
    decoder = decoder_index(run, identity)
    total = 2 + len(options.precisions)
    yield Progress("export", 0, total, "loading the checkpoint")
    networks, step = load_networks(run, options.step)
    function = build_swap_function(networks, decoder, run.settings.network.size)
    sample = read_export_sample(run, identity)
    reference = run_model(function, sample.parity)
    checker = ParityChecker(
        sample.parity, reference, crop_five_points(run.settings), sample.identity_center
    )
    yield Progress("export", 1, total, "converting to ONNX")
    graph = to_onnx(function)
    with atomic_bundle(out) as part:
        golden = _golden_sample(sample, reference)
        golden_row = write_golden_sample(part, golden)
        rows = []
        for index, precision in enumerate(options.precisions):
            yield Progress("export", 2 + index, total, f"writing and checking {precision}")
            model = convert_precision(graph, precision, sample.calibration, part)
            metadata = graph_metadata(run, identity, step, precision)
            write_onnx(model, part / GRAPH_FILES[precision], metadata)
            size, tolerance = run.settings.network.size, LIMITS[precision].tolerance()
            rows.append(build_graph_row(part, precision, size, OPSET, tolerance))
        blend = BlendRow(sharpen=_estimate_sharpening(sample, reference))
        manifest = build_manifest(_describe_model(run, identity, step), rows, golden_row, blend)
        manifest = _check_parity(
            Bundle(part, manifest), checker, golden, accept_loss=options.accept_loss
        )
        (part / MANIFEST_FILE).write_text(to_json(manifest), encoding="utf-8")
        graphs = tuple(_exported_graphs(part, manifest))
    yield Progress("export", total, total, "done")
    return ExportSummary(identity, step, graphs, time.monotonic() - started)


def _golden_sample(sample: ExportSample, reference: Predictions) -> GoldenSample:
    indices = sample.golden_indices
    return GoldenSample(sample.parity[indices], reference.faces[indices], reference.masks[indices])


def _estimate_sharpening(sample: ExportSample, predictions: Predictions) -> float:
    """Return the sharpening that the bundle suggests, from the predictions for the sample."""
    own = np.isin(np.arange(len(sample.parity)), sample.identity_indices)
    return estimate_sharpening(
        Predictions(sample.parity[own], predictions.masks[own]),
        Predictions(predictions.faces[~own], predictions.masks[~own]),
    )


def _check_precisions(precisions: Sequence[str]) -> None:
    for name in precisions:
        if name not in GRAPH_FILES:
            raise UsageError(
                f"There is no precision {name!r}; choose one or more of {', '.join(GRAPH_FILES)}."
            )
    if len(set(precisions)) < len(precisions) or not precisions:
        raise UsageError("Name at least one precision, and each only once.")


def _describe_model(run: Run, identity: str, step: int) -> ModelDescription:
    settings = run.settings
    return ModelDescription(
        identity=identity,
        identities=run.identities,
        crop=network_crop(settings),
        mask_background=settings.mask_background,
        face_mask=settings.face_mask,
        training=TrainingRow(
            network=settings.network.kind,
            steps=step,
            config_sha256=settings.sha256(),
            base=run.base,
        ),
        consent=settings.consent,
        license=settings.license,
    )


def _check_parity(
    bundle: Bundle, checker: ParityChecker, golden: GoldenSample, *, accept_loss: bool
) -> Manifest:
    """Check every graph in the runtime's own code; return the manifest with the results."""
    rows = []
    for row in bundle.manifest.graphs:
        network = SwapNetwork.open(bundle, "cpu", row.precision)
        parity, violations = checker.check(network)
        if violations and not accept_loss:
            raise ArtifactRefused(
                f"The {row.precision} graph differs too much from the trained model and nothing "
                f"was written ({'; '.join(violations)}); leave this precision out, or accept the "
                "loss with --accept-loss."
            )
        parity = parity.model_copy(update={"accepted_violations": tuple(violations)})
        tolerance = tolerance_for(parity, network.replay(golden))
        rows.append(row.model_copy(update={"parity": parity, "tolerance": tolerance}))
    return bundle.manifest.model_copy(update={"graphs": tuple(rows)})


def _exported_graphs(part: Path, manifest: Manifest) -> Iterator[ExportedGraph]:
    for row in manifest.graphs:
        assert row.parity
        yield ExportedGraph(row.precision, (part / row.file).stat().st_size, row.parity)
