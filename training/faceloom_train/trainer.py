"""Train or continue a run."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.progress import Report
from faceloom_train.augment import middle_of
from faceloom_train.backend import prepare_tensorflow
from faceloom_train.callbacks import make_callbacks
from faceloom_train.checkpoint import latest_checkpoint, list_checkpoints, restore_checkpoint
from faceloom_train.config import DfNetwork, TrainConfig
from faceloom_train.data import TrainingFaces, load_faces, make_dataset
from faceloom_train.model import SwapModel
from faceloom_train.optimizer import build_optimizer
from faceloom_train.preview import write_preview
from faceloom_train.run import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainSummary:
    """`step`: how far the run is; `steps_made`, `seconds`, `faces_per_second`: of this call alone."""

    step: int
    total: int
    steps_made: int
    seconds: float
    faces_per_second: float
    preview: Path


def train(
    run: Run,
    report: Report = lambda _: None,
    stop_asked: Callable[[], bool] = lambda: False,
    minutes: float | None = None,
) -> TrainSummary:
    """Train `run` up to its number of steps, from its last checkpoint if it has one.

    Returns early, with a checkpoint, when `stop_asked` says so or after `minutes`. Raises
    ArtefactRefused for a damaged checkpoint or face set, PartlyDone if the loss is no number.
    """
    with dtype_policy(run.settings.precision):
        faces = _load_identities(run)
        model = compiled_model(run.settings, run.identities)
        start = _begin(model, run, faces)
        dataset = make_dataset(faces, run.settings, start, run.settings.steps)
        began = time.monotonic()
        if start < run.settings.steps:
            callbacks = make_callbacks(run, start, faces, report, stop_asked, minutes)
            model.fit(dataset, epochs=1, verbose=0, shuffle=False, callbacks=callbacks)
        seconds = time.monotonic() - began
        # The last batch, or where it was asked to stop, has been saved.
        step = latest_checkpoint(run)[1]
        # `fit` has put the averaged weights in place: this sheet shows what would be exported.
        preview = run.directory / "previews" / f"step-{step:08d}.png"
        write_preview(model, faces, preview)
    made = step - start
    rate = made * run.settings.batch_size * len(faces) / max(seconds, 1e-9)
    return TrainSummary(step, run.settings.steps, made, seconds, rate, preview)


def open_run(
    directory: Path, faces: Mapping[str, Path], settings: Callable[[TrainConfig | None], TrainConfig | None]
) -> Run:
    """Begin a run, or continue the one in `directory`.

    `settings` gets the run's own configuration (None for a new run) and returns the wanted one.
    """
    if not Run.exists(directory):
        wanted = settings(None)
        if wanted is None:
            raise UsageError(f"{directory} is a new run; name a preset with --config.")
        _check_faces(faces)
        return Run.create(directory, {name: path.resolve() for name, path in faces.items()}, wanted)
    run = Run.read(directory)
    if faces and {name: path.resolve() for name, path in faces.items()} != run.faces:
        known = ", ".join(f"{name}={path}" for name, path in run.faces.items())
        raise UsageError(f"{directory} was begun with {known}; continue it with the same --faces, or none.")
    step = latest_checkpoint(run)[1] if list_checkpoints(run) else 0
    return run.with_settings(settings(run.settings) or run.settings, step)


def compiled_model(config: TrainConfig, identities: Sequence[str]) -> SwapModel:
    """Build the model under the current dtype policy, ready for `fit`."""
    prepare_tensorflow()
    keras.utils.set_random_seed(config.seed)
    model = SwapModel(config, identities)
    model.compile(optimizer=build_optimizer(config), jit_compile=config.jit_compile, auto_scale_loss=False)
    return model


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Set Keras' dtype policy for the layers that are built inside."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _check_faces(faces: Mapping[str, Path]) -> None:
    """Refuse what cannot be trained before anything is written."""
    if len(faces) < 2:
        raise UsageError(
            f"A swap needs two identities or more and got {len(faces)}; pass --faces NAME=FACESET once for each."
        )
    if len({path.resolve() for path in faces.values()}) < len(faces):
        raise UsageError("Two identities have the same face set; give each its own.")
    for path in faces.values():
        FaceSet.read(path)


def _load_identities(run: Run) -> list[TrainingFaces]:
    return [load_faces(FaceSet.read(path), run.settings) for path in run.faces.values()]


def _begin(model: SwapModel, run: Run, faces: Sequence[TrainingFaces]) -> int:
    """Restore the last checkpoint and return its step, or prepare a new model and return 0."""
    if list_checkpoints(run):
        checkpoint, step = latest_checkpoint(run, log.warning)
        restore_checkpoint(model, checkpoint)
        run.forget_after(step)
        return step
    if isinstance(run.settings.network, DfNetwork) and run.settings.network.template:
        size = model.crop.size
        model.start_templates([middle_of(f.crops, size).mean(0) for f in faces])
    return 0
