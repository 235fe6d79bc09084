"""Train a run."""

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.operating_system import is_memory_exhausted
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.data.dataset import TrainingFaces
from faceloom_train.distributed.handshake import broadcast_config
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.evaluation.plateau import has_stopped_on_plateau
from faceloom_train.loop.callbacks import create_observers_and_hooks
from faceloom_train.loop.divergence import DivergedError
from faceloom_train.loop.evaluation_callbacks import repeat_lost_evaluation
from faceloom_train.loop.fit_steps import fit_steps
from faceloom_train.loop.hooks import ModelHook, StepObserver
from faceloom_train.loop.initial_state import (
    broadcast_initial_state,
    load_training_faces,
    restore_or_initialize,
)
from faceloom_train.loop.memory_budget import choose_micro_batch
from faceloom_train.loop.recovery import (
    check_worker_error,
    with_lower_learning_rate,
    with_smaller_micro_batch,
)
from faceloom_train.model.model_builder import build_model, compile_model, dtype_policy
from faceloom_train.model.optimizer import use_averaged_weights
from faceloom_train.reporting.events import COMPILE_NOTE
from faceloom_train.reporting.html_report import write_report
from faceloom_train.reporting.previews import write_examples, write_preview
from faceloom_train.runs.checkpoint import last_checkpoint_step, latest_checkpoint
from faceloom_train.runs.run_directory import Run

# Shortest training time in seconds, against division by zero.
_MIN_SECONDS = 1e-9


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """The result of one call of `train`."""

    step: int
    """The step that the run has reached."""
    total: int
    """Steps of the whole run."""
    steps_completed: int
    """Steps that this call added."""
    seconds: float
    """How long they took."""
    faces_per_second: float
    """Training faces per second."""
    preview: Path
    """The last preview sheet."""


def train(
    run: Run,
    report: ProgressCallback = lambda _: None,
    stop_requested: Callable[[], bool] = lambda: False,
    minutes: float | None = None,
    strategy: DeviceStrategy = DeviceStrategy(),  # noqa: B008  immutable
) -> TrainingSummary:
    """Train a run up to its number of steps, from its last undamaged checkpoint if it has one.

    If training diverges, it resumes from the last checkpoint with half the learning rate; if memory
    is exhausted, with a smaller micro-batch. With several workers, this is the first.

    Args:
        run: The run.
        report: Receives progress and events (see `faceloom_train.reporting.events`).
        stop_requested: Called after each step; if it returns True, training ends with a checkpoint.
        minutes: Training ends with a checkpoint after this time; None: no limit.
        strategy: The devices.

    Raises:
        ArtifactRefused: The run has only damaged checkpoints, or a face set is damaged.
        PartlyDone: Training keeps diverging or does not fit into memory, another worker is lost, or
            the disk is full.
        UsageError: The batch cannot be divided among the devices.
    """
    # Checked before anything is written.
    strategy.faces_per_device(run.settings)
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    first_step = last_checkpoint_step(run)
    restores = 0
    seconds = 0.0
    report(Progress("precision", 1, 1, run.settings.precision))
    with dtype_policy(run.settings.precision):
        faces = load_training_faces(run, report)
        while True:
            session = _Session(run, faces, strategy)
            try:
                preview = session.train(
                    report,
                    *create_observers_and_hooks(run, faces, report, stop_requested, deadline),
                )
                break
            except DivergedError as error:
                run, restores = with_lower_learning_rate(run, error, restores), restores + 1
            except Exception as error:
                check_worker_error(error, strategy, session.micro_batch_size)
                if not is_memory_exhausted(error):
                    raise
                run = with_smaller_micro_batch(run, session.micro_batch_size)
            finally:
                seconds += session.seconds
            # Free the failed model before the next one is built.
            del session
            gc.collect()
    # Training always ends with a checkpoint.
    step = last_checkpoint_step(run)
    face_count = (step - first_step) * run.settings.batch_size * len(faces)
    return TrainingSummary(
        step,
        run.settings.steps,
        step - first_step,
        seconds,
        face_count / max(seconds, _MIN_SECONDS),
        preview,
    )


class _Session:
    """One model, from its initial state to the end of `fit` or to the first error."""

    def __init__(self, run: Run, faces: Sequence[TrainingFaces], strategy: DeviceStrategy):
        self._run = run
        self._faces = faces
        self._strategy = strategy
        self.micro_batch_size = strategy.faces_per_device(run.settings)
        self.seconds = 0.0

    def train(
        self,
        report: ProgressCallback,
        observers: Sequence[StepObserver],
        hooks: Sequence[ModelHook],
    ) -> Path:
        """Train from the last checkpoint; return the last preview sheet."""
        run, settings = self._run, self._run.settings
        broadcast_config(self._strategy, settings, run.faces)
        with self._strategy.scope():
            model = build_model(settings, run.identities)
            self.micro_batch_size = choose_micro_batch(model, self._strategy, report)
            faces = self._strategy.faces_per_device(settings)
            compile_model(model, faces // self.micro_batch_size)
        start = restore_or_initialize(model, run, self._faces, report)
        if start == 0:
            write_examples(model, self._faces, run.examples_path)
        else:
            repeat_lost_evaluation(run, model, start, hooks)
        # A run that stopped on a plateau has no steps left, which is broadcast too.
        stop = start if has_stopped_on_plateau(run) else settings.steps
        steps = broadcast_initial_state(model, self._strategy, range(start, stop))
        if steps:
            if settings.micro_batch_size == "auto":
                run.log_event(
                    "setting_chosen",
                    start,
                    setting="micro_batch_size",
                    value=self.micro_batch_size,
                )
            report(Progress("compile", 0, 1, COMPILE_NOTE))
            started = time.monotonic()
            try:
                fit_steps(model, self._faces, steps, self._strategy, observers, hooks)
            finally:
                self.seconds = time.monotonic() - started
        else:
            use_averaged_weights(model)
        # `fit` leaves the averaged weights in the model, so this sheet shows what is exported.
        preview = run.preview_path(latest_checkpoint(run)[1])
        write_preview(model, self._faces, preview)
        write_report(run)
        return preview
