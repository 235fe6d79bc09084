"""The Keras callback that runs the observers and hooks of a run, and the hooks of every run."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from faceloom.progress import ProgressCallback
from faceloom_train.data.dataset import TrainingFaces
from faceloom_train.loop.divergence import DivergenceDetector
from faceloom_train.loop.evaluation_callbacks import EvaluationHook, PlateauHook
from faceloom_train.loop.hooks import ModelHook, StepObserver
from faceloom_train.loop.step_observers import (
    DivergenceObserver,
    MetricsObserver,
    ProgressObserver,
)
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.model.train_step import STEP_OUTPUTS, unpack_step_outputs
from faceloom_train.reporting.events import CheckpointSaved, PreviewWritten, StepMetrics
from faceloom_train.reporting.html_report import write_report
from faceloom_train.reporting.previews import write_preview
from faceloom_train.reporting.tensorboard import TensorBoardWriter
from faceloom_train.runs.checkpoint import is_kept_permanently, save_checkpoint
from faceloom_train.runs.run_directory import Run


@dataclass(frozen=True, slots=True)
class _PendingStep:
    """A completed step whose outputs have not been read; they may still be being computed."""

    step: int
    """Its number."""
    completed_at: float
    """When it ended, in seconds of `time.monotonic`."""
    outputs: Any
    """The tensor of its outputs."""


class StepCallback(keras.callbacks.Callback):
    """Calls the observers after each step, and the hooks after steps for which one is due.

    Steps are counted by batches. The optimizer counts its updates instead, without the steps that
    it skips; the difference tells which steps were skipped.
    """

    def __init__(
        self,
        start: int,
        updates: int,
        observers: Sequence[StepObserver],
        hooks: Sequence[ModelHook],
        any_worker: Callable[[bool], bool] | None = None,
    ):
        """Start before a step.

        Args:
            start: Steps that the run has completed.
            updates: Updates of the weights that the optimizer has counted.
            observers: Called after each step, in this order.
            hooks: Called after steps for which one is due, in this order.
            any_worker: Returns whether any worker passes True; None if there is one worker.
        """
        super().__init__()
        self._start = start
        self._updates = updates
        self._observers = observers
        self._hooks = hooks
        self._any_worker = any_worker
        self._pending: _PendingStep | None = None
        self._stop_requested = False

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Observe the previous step, whose outputs are ready, and this one if a hook is due.

        Args:
            batch: The index of the batch in this call of `fit`.
            logs: The outputs of the step.
        """
        step = self._start + batch + 1
        self._observe_pending()
        assert logs is not None
        outputs = logs[STEP_OUTPUTS]
        if hasattr(outputs, "copy_to_host_async"):
            # JAX: copy now, so that the outputs are on the host when they are read.
            outputs.copy_to_host_async()
        self._pending = _PendingStep(step, time.monotonic(), outputs)
        stop = self._any_worker is not None and self._any_worker(self._stop_requested)
        due = [hook.is_due(step) for hook in self._hooks]
        if any(due) or self._any_worker is not None:
            # With several workers, all must detect divergence after the same step.
            self._observe_pending()
        if stop or any(due):
            self._call_hooks(step, due, stop=stop)

    def _observe_pending(self) -> None:
        pending = self._pending
        if pending is None:
            return
        self._pending = None
        # `self._model`, because `self.model` is slow on JAX, see `_call_hooks`.
        losses, updates, learning_rate = unpack_step_outputs(self._model, pending.outputs)
        skipped = updates == self._updates
        self._updates = updates
        metrics = StepMetrics(
            step=pending.step,
            losses=losses,
            learning_rate=learning_rate,
            skipped=skipped,
            completed_at=pending.completed_at,
        )
        for observer in self._observers:
            observer.observe(metrics)

    def _call_hooks(self, step: int, due: Sequence[bool], *, stop: bool) -> None:
        # On JAX, `self.model` copies the weights into the model, which takes as long as a step of a
        # small network.
        model = self.model
        model.stop_training = stop
        for hook, is_due in zip(self._hooks, due, strict=True):
            hook.after_step(model, step, due=is_due)
        if self._any_worker is not None:
            # A request to stop is shared with the next step, so that all workers stop together.
            self._stop_requested, model.stop_training = model.stop_training, stop


class PreviewHook:
    """Writes a preview sheet and the HTML report every `preview_every` steps."""

    def __init__(
        self,
        run: Run,
        faces: Sequence[TrainingFaces],
        report: ProgressCallback,
        tensorboard: TensorBoardWriter | None = None,
    ):
        """Prepare previews.

        Args:
            run: The run.
            faces: The training faces of each identity.
            report: Receives a PreviewWritten event for each sheet.
            tensorboard: Also receives the sheets.
        """
        self._run = run
        self._faces = faces
        self._report = report
        self._tensorboard = tensorboard

    def is_due(self, step: int) -> bool:
        """Return whether a preview is due.

        Args:
            step: The number of the completed step.
        """
        return step % self._run.settings.preview_every == 0

    def after_step(self, model: SwapModel, step: int, *, due: bool) -> None:
        """Write a preview if it is due.

        Args:
            model: The model.
            step: The number of the completed step.
            due: What `is_due` returned.
        """
        if due:
            sheet = self._run.preview_path(step)
            write_preview(model, self._faces, sheet)
            write_report(self._run)
            self._report(PreviewWritten("preview", step, self._run.settings.steps, sheet=sheet))
            if self._tensorboard:
                self._tensorboard.write_preview(step, sheet)


class StopHook:
    """Stops training when the user asks for it, or at a deadline."""

    def __init__(self, stop_requested: Callable[[], bool], deadline: float):
        """Set the conditions.

        Args:
            stop_requested: Returns whether the user asked to stop.
            deadline: Latest time in seconds of `time.monotonic`; infinity: none.
        """
        self._stop_requested = stop_requested
        self._deadline = deadline

    def is_due(self, step: int) -> bool:
        """Return whether training should stop.

        Args:
            step: The number of the completed step.
        """
        return self._stop_requested() or time.monotonic() > self._deadline

    def after_step(self, model: SwapModel, step: int, *, due: bool) -> None:
        """Stop training if it is due.

        Args:
            model: The model.
            step: The number of the completed step.
            due: What `is_due` returned.
        """
        if due:
            model.stop_training = True


class CheckpointHook:
    """Saves checkpoints every `checkpoint_every` steps, unless the loss is suspicious, and last.

    The last checkpoint must be saved here, not after `fit`: `fit` ends by replacing the weights
    with their average, and a run resumed from that would not be exact.
    """

    def __init__(self, run: Run, report: ProgressCallback, detector: DivergenceDetector):
        """Prepare checkpoints.

        Args:
            run: The run.
            report: Receives a CheckpointSaved event for each checkpoint.
            detector: While it is suspicious, only the last checkpoint is saved.
        """
        self._run = run
        self._report = report
        self._detector = detector

    def is_due(self, step: int) -> bool:
        """Return whether a checkpoint is due, regardless of the detector.

        Args:
            step: The number of the completed step.
        """
        settings = self._run.settings
        regular = step % settings.checkpoint_every == 0 or is_kept_permanently(self._run, step)
        return regular or step == settings.steps

    def after_step(self, model: SwapModel, step: int, *, due: bool) -> None:
        """Save a checkpoint if it is due or if training ends.

        Args:
            model: The model.
            step: The number of the completed step.
            due: What `is_due` returned.
        """
        settings = self._run.settings
        is_end = step == settings.steps or model.stop_training
        if is_end or (due and not self._detector.is_suspicious):
            save_checkpoint(model, self._run, step)
            self._report(CheckpointSaved("checkpoint", step, settings.steps))


def create_observers_and_hooks(
    run: Run,
    faces: Sequence[TrainingFaces],
    report: ProgressCallback,
    stop_requested: Callable[[], bool],
    deadline: float,
) -> tuple[list[StepObserver], list[ModelHook]]:
    """Create the observers and hooks of a run.

    Args:
        run: The run.
        faces: The training faces of each identity.
        report: Receives progress and events.
        stop_requested: Returns whether the user asked to stop.
        deadline: Latest time in seconds of `time.monotonic`; infinity: none.

    Returns:
        The observers and the hooks, in the order in which they must be called.
    """
    settings = run.settings
    tensorboard = TensorBoardWriter(run) if settings.tensorboard else None
    detector = DivergenceDetector(loss_scaling=settings.precision == "mixed_float16")
    observers: list[StepObserver] = [
        DivergenceObserver(detector),
        ProgressObserver(report, settings, len(faces)),
        MetricsObserver(run, tensorboard),
    ]
    hooks: list[ModelHook] = [
        PreviewHook(run, faces, report, tensorboard),
        StopHook(stop_requested, deadline),
        CheckpointHook(run, report, detector),
        EvaluationHook(run, report, tensorboard),
        PlateauHook(run, report),
    ]
    return observers, hooks
