"""Train or continue a run."""

import gc
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf
from keras import ops

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.backend import prepare_tensorflow
from faceloom_train.config.schema import BodyNetwork, TrainConfig
from faceloom_train.data.batch_packing import packed
from faceloom_train.data.dataset import TrainingFaces, load_faces, make_dataset
from faceloom_train.data.mean_face import first_template
from faceloom_train.distributed.handshake import tell_plan
from faceloom_train.distributed.strategy import Devices
from faceloom_train.evaluation.plateau import has_ended
from faceloom_train.loop.callbacks import BetweenSteps, Unhurried, make_watchers_and_actions
from faceloom_train.loop.divergence import DivergedError
from faceloom_train.loop.hooks import Action, Watcher
from faceloom_train.loop.memory_budget import (
    estimate_need,
    fitting_batch,
    free_memory,
    is_out_of_memory,
    largest_divisor,
)
from faceloom_train.loop.precision import decided
from faceloom_train.loop.recovery import (
    last_step,
    refuse_what_workers_cannot,
    with_lower_rate,
    with_smaller_batch,
)
from faceloom_train.model.optimizer import build_optimizer
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.reporting.html_report import write_report
from faceloom_train.reporting.previews import write_examples, write_preview
from faceloom_train.runs.checkpoint import latest_checkpoint, list_checkpoints, restore_checkpoint
from faceloom_train.runs.run_directory import Run
from faceloom_train.runs.warm_start import copy_weights, refuse_stranger

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
    report: ProgressCallback = lambda _: None,
    stop_asked: Callable[[], bool] = lambda: False,
    minutes: float | None = None,
    devices: Devices = Devices(),  # noqa: B008  what one device is never changes
) -> TrainSummary:
    """Train `run` up to its number of steps, from its last whole checkpoint if it has one.

    Returns early, with a checkpoint, when `stop_asked` says so or after `minutes`. A run that went wrong
    goes on from its last checkpoint, with half the learning rate or fewer faces at once. Raises ArtifactRefused
    for a run without a whole checkpoint or a damaged face set, PartlyDone if going on does not help, UsageError if
    the faces of a step cannot be shared by `devices`. Of several workers this is the first.
    """
    devices.faces_on_each(run.settings)
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    first, restored, seconds = last_step(run), 0, 0.0
    report(Progress("precision", 1, 1, run.settings.precision))
    with dtype_policy(run.settings.precision):
        faces = _load_identities(run)
        while True:
            session = _Session(run, faces, devices)
            try:
                preview = session.train(
                    report, *make_watchers_and_actions(run, faces, report, stop_asked, deadline)
                )
                break
            except DivergedError as error:
                run, restored = with_lower_rate(run, error, restored), restored + 1
            except Exception as error:
                refuse_what_workers_cannot(error, devices, session.faces_at_once)
                if not is_out_of_memory(error):
                    raise
                run = with_smaller_batch(run, session.faces_at_once)
            finally:
                seconds += session.seconds
            # What is left of the model that failed must go before there is room for the next.
            del session
            gc.collect()
    # The last batch, or where it was asked to stop, has been saved.
    step = latest_checkpoint(run)[1]
    rate = (step - first) * run.settings.faces_per_step * len(faces) / max(seconds, 1e-9)
    return TrainSummary(step, run.settings.steps, step - first, seconds, rate, preview)


class _Session:
    """A model in memory and what `fit` makes of it, up to the end or to the first thing that goes wrong."""

    def __init__(self, run: Run, faces: Sequence[TrainingFaces], devices: Devices):
        self._run, self._faces, self._devices = run, faces, devices
        self.faces_at_once = devices.faces_on_each(run.settings)
        self.seconds = 0.0

    def train(
        self, report: ProgressCallback, watchers: Sequence[Watcher], actions: Sequence[Action]
    ) -> Path:
        """Train from the last checkpoint; return the last preview sheet."""
        run, settings = self._run, self._run.settings
        tell_plan(self._devices, settings, run.faces)
        with self._devices.scope():
            model = compiled_model(settings, run.identities)
        start = _begin(model, run, self._faces, report)
        if start == 0:
            write_examples(model, self._faces, run.examples)
        # The other workers are told where to begin, and an ended run begins where it stops.
        stop = start if has_ended(run) else settings.steps
        steps = share_start(model, self._devices, range(start, stop))
        if steps:
            self.faces_at_once = divide(model, self._devices, report)
            if settings.batch_size == "auto":
                run.log({"step": start, "chosen": "batch_size", "to": self.faces_at_once})
            began = time.monotonic()
            try:
                fit(model, self._faces, steps, self._devices, watchers, actions)
            finally:
                self.seconds = time.monotonic() - began
        # `fit` has put the averaged weights in place: this sheet shows what would be exported.
        preview = run.preview(latest_checkpoint(run)[1])
        write_preview(model, self._faces, preview)
        write_report(run)
        return preview


def divide(model: SwapModel, devices: Devices, report: ProgressCallback) -> int:
    """Decide how many faces are computed at once on a device, say what memory that takes, and return it."""
    settings, free, share = model.config, free_memory(), devices.faces_on_each(model.config)
    asked = settings.batch_size
    need = partial(estimate_need, model)
    at_once = fitting_batch(share, need, free) if asked == "auto" else largest_divisor(share, asked)
    model.parts = share // at_once
    report(Progress("memory", 1, 1, need(at_once).to_text(at_once, free)))
    return at_once


def share_start(model: SwapModel, devices: Devices, steps: range) -> range:
    """Let all workers begin with what the first one's model has learned; return the steps that it will make."""
    start, stop = devices.tell(f"{steps.start} {steps.stop}").split()
    devices.copy_from_first(model)
    return range(int(start), int(stop))


def fit(
    model: SwapModel,
    faces: Sequence[TrainingFaces],
    steps: range,
    devices: Devices,
    watchers: Sequence[Watcher],
    actions: Sequence[Action],
) -> None:
    """Make some steps; `watchers` look at each, and `actions` follow some."""
    batches, model.layout = packed(make_dataset(faces, model.config, steps.start, steps.stop))
    updates = int(ops.convert_to_numpy(model.optimizer.iterations))
    between = BetweenSteps(steps.start, updates, watchers, actions, devices.agree)
    callbacks = Unhurried([between], add_history=True, model=model)
    with devices.fitting():
        shared = devices.share(batches)
        model.fit(
            shared,
            epochs=1,
            steps_per_epoch=len(steps),
            verbose=0,
            shuffle=False,
            callbacks=callbacks,
        )


def open_run(
    directory: Path,
    faces: Mapping[str, Path],
    settings: Callable[[TrainConfig | None], TrainConfig | None],
    init_from: Path | None = None,
) -> Run:
    """Begin a run, with the weights of the run `init_from` if there is one, or continue the one in `directory`.

    `settings` gets the run's own configuration (None for a new run) and returns the wanted one. Raises
    UsageError for what cannot be trained, ArtifactRefused for a run or face set that cannot be used.
    """
    if not Run.exists(directory):
        wanted = settings(None)
        if wanted is None:
            raise UsageError(f"{directory} is a new run; name a preset with --config.")
        _check_faces(faces)
        if init_from is not None:
            _check_source(init_from, wanted)
        settled = decided(wanted, None)
        return Run.create(
            directory, {name: path.resolve() for name, path in faces.items()}, settled, init_from
        )
    run = Run.read(directory)
    if faces and {name: path.resolve() for name, path in faces.items()} != run.faces:
        known = ", ".join(f"{name}={path}" for name, path in run.faces.items())
        raise UsageError(
            f"{directory} was begun with {known}; continue it with the same --faces, or none."
        )
    if init_from is not None and init_from.resolve() != run.init_from:
        raise UsageError(
            f"{directory} has begun already, without {init_from}; begin a new run with --init-from."
        )
    return run.with_settings(
        decided(settings(run.settings) or run.settings, run.settings), last_step(run)
    )


def compiled_model(config: TrainConfig, identities: Sequence[str]) -> SwapModel:
    """Build the model under the current dtype policy, ready for `fit`."""
    prepare_tensorflow()
    keras.utils.set_random_seed(config.seed)
    model = SwapModel(config, identities)
    # On several devices TensorFlow makes no XLA program of a step.
    jit_compile = False if tf.distribute.has_strategy() else config.jit_compile
    if keras.distribution.distribution() is not None:
        # JAX divides a step among devices only when it compiles it.
        jit_compile = True
    model.compile(optimizer=build_optimizer(config), jit_compile=jit_compile, auto_scale_loss=False)
    # Now, as all workers must do it together.
    model.optimizer.build(model.trainable_variables)
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


def _check_source(init_from: Path, wanted: TrainConfig) -> None:
    """Refuse a run that a new one can take nothing from."""
    source = Run.read(init_from)
    known = compiled_model(source.settings, source.identities)
    restore_checkpoint(known, latest_checkpoint(source)[0])
    refuse_stranger(SwapModel(wanted, ["any"]), known, init_from)


def _load_identities(run: Run) -> list[TrainingFaces]:
    return [load_faces(FaceSet.read(path), run.settings) for path in run.faces.values()]


def _begin(
    model: SwapModel,
    run: Run,
    faces: Sequence[TrainingFaces],
    report: ProgressCallback = lambda _: None,
) -> int:
    """Restore the last checkpoint and return its step, or prepare a new model and return 0."""
    if list_checkpoints(run):
        checkpoint, step = latest_checkpoint(run, log.warning)
        restore_checkpoint(model, checkpoint)
        run.forget_after(step)
        return step
    run.forget_after(0)
    if isinstance(run.settings.network, BodyNetwork) and run.settings.network.template:
        model.start_templates([first_template(one, model.crop.size) for one in faces])
    if run.init_from is not None:
        source = Run.read(run.init_from)
        taken = copy_weights(
            model, run.identities, compiled_model(source.settings, source.identities), source
        )
        run.log(
            {
                "step": 0,
                "init_from": str(taken.run),
                "of_step": taken.step,
                "share": round(taken.share, 3),
            }
        )
        report(Progress("warm start", 1, 1, taken.to_text()))
    return 0
