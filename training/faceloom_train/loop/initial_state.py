"""The state from which training starts: a checkpoint, another run's weights, or a new model."""

import logging
from collections.abc import Sequence
from pathlib import Path

from faceloom.faceset import FaceSet
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.config.schema import ConvNetwork
from faceloom_train.data.dataset import TrainingFaces, load_faces
from faceloom_train.data.mean_face import compute_mean_face
from faceloom_train.data.preview_faces import preview_names
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.base_weights import copy_base, read_base
from faceloom_train.runs.checkpoint import latest_checkpoint, restore_checkpoint
from faceloom_train.runs.checkpoint_paths import list_checkpoints
from faceloom_train.runs.run_directory import Run, is_base
from faceloom_train.runs.warm_start import copy_weights

log = logging.getLogger(__name__)


def load_training_faces(run: Run, report: ProgressCallback = lambda _: None) -> list[TrainingFaces]:
    """Load the training faces of each identity.

    Args:
        run: The run.
        report: Receives the progress of parsing faces.

    Raises:
        ArtifactRefused: A face set is damaged.
    """
    return [
        load_faces(
            FaceSet.read(path),
            run.settings,
            report,
            preview_names(run.settings.preview_faces, identity),
        )
        for identity, path in run.faces.items()
    ]


def restore_or_initialize(
    model: SwapModel,
    run: Run,
    faces: Sequence[TrainingFaces],
    report: ProgressCallback = lambda _: None,
) -> int:
    """Restore the newest undamaged checkpoint, or initialize a new model.

    Args:
        model: A compiled model with the run's settings; its state is overwritten.
        run: The run; the metrics after the checkpoint are dropped.
        faces: The training faces of each identity.
        report: Receives progress about a warm start.

    Returns:
        The step of the checkpoint; 0 for a new model.

    Raises:
        ArtifactRefused: The run has checkpoints, all of them damaged.
    """
    if list_checkpoints(run):
        checkpoint, step = latest_checkpoint(run, log.warning)
        restore_checkpoint(model, checkpoint)
        run.drop_metrics_after(step)
        return step
    run.drop_metrics_after(0)
    network = run.settings.network
    if isinstance(network, ConvNetwork) and network.mean_face:
        model.set_mean_faces([compute_mean_face(own, model.crop.size) for own in faces])
    if run.init_from is None:
        return 0
    if is_base(run.init_from):
        _start_from_base(model, run, run.init_from, report)
    else:
        _warm_start(model, run, Run.read(run.init_from), report)
    return 0


def broadcast_initial_state(model: SwapModel, strategy: DeviceStrategy, steps: range) -> range:
    """Give all workers the first worker's weights, optimizer state and steps.

    Args:
        model: Each worker's compiled model.
        strategy: The devices.
        steps: The first worker's steps; ignored on the others.

    Returns:
        The steps to train, on all workers.
    """
    start, stop = strategy.broadcast(f"{steps.start} {steps.stop}").split()
    strategy.broadcast_weights(model)
    return range(int(start), int(stop))


def _start_from_base(model: SwapModel, run: Run, base: Path, report: ProgressCallback) -> None:
    fraction = copy_base(model, read_base(base))
    run.log_event("base", 0, base=base.name, copied_fraction=round(fraction, 3))
    text = f"{100 * fraction:.0f} % of the weights are copied from the base {base.name}"
    report(Progress("base", 1, 1, text))


def _warm_start(model: SwapModel, run: Run, source: Run, report: ProgressCallback) -> None:
    source_model = build_compiled_model(source.settings, source.identities)
    copied = copy_weights(model, run.identities, source_model, source)
    run.log_event(
        "warm_start",
        0,
        init_from=str(copied.run),
        init_step=copied.step,
        copied_fraction=round(copied.copied_fraction, 3),
    )
    report(Progress("warm start", 1, 1, copied.to_text()))
