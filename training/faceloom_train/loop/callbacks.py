"""What happens between the steps: values are watched; previews, checkpoints, the end."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from faceloom.progress import ProgressCallback
from faceloom_train.data.dataset import TrainingFaces
from faceloom_train.loop.divergence import LossGuard
from faceloom_train.loop.evaluation_callbacks import Evaluate, WatchPlateau
from faceloom_train.loop.hooks import Action, Step, Watcher
from faceloom_train.loop.step_observers import LogMetrics, ReportProgress, WatchLoss
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.model.train_step import TOLD, what_was_told
from faceloom_train.reporting.events import Drawn, Saved
from faceloom_train.reporting.html_report import write_report
from faceloom_train.reporting.previews import write_preview
from faceloom_train.reporting.tensorboard import Tensorboard
from faceloom_train.runs.checkpoint import is_snapshot, save_checkpoint
from faceloom_train.runs.run_directory import Run


class Unhurried(keras.callbacks.CallbackList):
    """Callbacks that get a step's values as they are. Keras would make numbers of them, and wait for the step."""

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Hand them on."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


class BetweenSteps(keras.callbacks.Callback):
    """Lets watchers look at each step, and actions act after those after which they are due, both in their order.

    Steps are counted by batches and not by updates of the weights, as the optimizer passes over those that it skips:
    the difference tells which these are. `agree` asks all workers whether one of them wants to end the run.
    """

    def __init__(
        self,
        start: int,
        updates: int,
        watchers: Sequence[Watcher],
        actions: Sequence[Action],
        agree: Callable[[bool], bool] | None = None,
    ):
        super().__init__()
        self._start, self._updates = start, updates
        self._watchers, self._actions, self._agree = watchers, actions, agree
        # The step that has not been looked at, when it ended, and what it tells, which may still be being computed.
        self._unseen: tuple[int, float, Any] | None = None
        self._wants_end = False

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Look at the step before, whose values are there by now, and at this one if something is due after it."""
        number = self._start + batch + 1
        self._look()
        assert logs is not None
        told = logs[TOLD]
        if hasattr(told, "copy_to_host_async"):
            # JAX's arrays: it is here when it is looked at.
            told.copy_to_host_async()
        self._unseen = number, time.monotonic(), told
        agreed = self._agree is not None and self._agree(self._wants_end)
        due = [action.is_due(number) for action in self._actions]
        if any(due) or self._agree is not None:
            # Workers look at once: whoever gives a run up must do so after the same step as the others.
            self._look()
        if agreed or any(due):
            self._act(number, due, agreed)

    def _look(self) -> None:
        if self._unseen is None:
            return
        number, ended, told = self._unseen
        self._unseen = None
        # Not `self.model`, see `_act`.
        values, updates, rate = what_was_told(self._model, told)
        step = Step(number, ended, values, rate, skipped=updates == self._updates)
        self._updates = updates
        for watcher in self._watchers:
            watcher.watch(step)

    def _act(self, number: int, due: Sequence[bool], agreed: bool) -> None:
        # On JAX, asking for the model hands it the weights of this step: as long as a small network's step takes.
        model = self.model
        model.stop_training = agreed
        for action, is_due in zip(self._actions, due, strict=True):
            action.after_step(model, number, due=is_due)
        if self._agree is not None:
            # Who ends the run here asks the others with the next step, so that all end it after the same one.
            self._wants_end, model.stop_training = model.stop_training, agreed


class WritePreviews:
    """Draws a preview sheet every `preview_every` steps, and renews the run's page."""

    def __init__(
        self,
        run: Run,
        faces: Sequence[TrainingFaces],
        report: ProgressCallback,
        board: Tensorboard | None = None,
    ):
        self._run, self._faces, self._report, self._board = run, faces, report, board

    def is_due(self, number: int) -> bool:
        """Say whether it is time."""
        return number % self._run.settings.preview_every == 0

    def after_step(self, model: SwapModel, number: int, *, due: bool) -> None:
        """Draw when it is time."""
        if due:
            sheet = self._run.preview(number)
            write_preview(model, self._faces, sheet)
            write_report(self._run)
            self._report(Drawn("preview", number, self._run.settings.steps, sheet=sheet))
            if self._board:
                self._board.write_picture(number, sheet)


class StopWhen:
    """Ends the run after the current step once `asked` is true, or at a time of the monotonic clock."""

    def __init__(self, asked: Callable[[], bool], deadline: float):
        self._asked, self._deadline = asked, deadline

    def is_due(self, number: int) -> bool:
        """Ask."""
        return self._asked() or time.monotonic() > self._deadline

    def after_step(self, model: SwapModel, number: int, *, due: bool) -> None:
        """End the run if that was the answer."""
        if due:
            model.stop_training = True


class SaveCheckpoints:
    """Saves every `checkpoint_every` steps, unless `doubtful`, and at the end.

    The end is saved here and not behind `fit`, which closes by overwriting the weights with their
    average: a run continued from that would not be the same run.
    """

    def __init__(self, run: Run, report: ProgressCallback, doubtful: Callable[[], bool]):
        self._run, self._report, self._doubtful = run, report, doubtful

    def is_due(self, number: int) -> bool:
        """Say whether it is time, also when the guard is in doubt, which the values of this step decide."""
        settings = self._run.settings
        on_time = number % settings.checkpoint_every == 0 or is_snapshot(self._run, number)
        return on_time or number == settings.steps

    def after_step(self, model: SwapModel, number: int, *, due: bool) -> None:
        """Save when it is time."""
        settings = self._run.settings
        if (due and not self._doubtful()) or number == settings.steps or model.stop_training:
            save_checkpoint(model, self._run, number)
            self._report(Saved("checkpoint", number, settings.steps))


def make_watchers_and_actions(
    run: Run,
    faces: Sequence[TrainingFaces],
    report: ProgressCallback,
    asked: Callable[[], bool],
    deadline: float,
) -> tuple[list[Watcher], list[Action]]:
    """Return who looks at each step of a run, and what is done after some, in the order in which it must be."""
    settings = run.settings
    board = Tensorboard(run) if settings.tensorboard else None
    guard = LossGuard(scaled=settings.precision == "mixed_float16")
    watchers: list[Watcher] = [
        WatchLoss(guard),
        ReportProgress(report, settings, len(faces)),
        LogMetrics(run, board),
    ]
    return watchers, [
        WritePreviews(run, faces, report, board),
        StopWhen(asked, deadline),
        SaveCheckpoints(run, report, lambda: guard.doubtful),
        Evaluate(run, report, board),
        WatchPlateau(run, report),
    ]
