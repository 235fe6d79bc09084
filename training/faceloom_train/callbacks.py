"""What happens beside the steps: progress, metrics, previews, checkpoints, the end."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np
from keras import ops

from faceloom.progress import Progress, Report
from faceloom_train.checkpoint import has_checkpoint, is_snapshot, mark_best, read_best, save_checkpoint
from faceloom_train.data import TrainingFaces
from faceloom_train.evaluate import Evaluator
from faceloom_train.guard import LossGuard
from faceloom_train.model import SwapModel
from faceloom_train.preview import write_preview
from faceloom_train.report import write_report
from faceloom_train.run import Run
from faceloom_train.tensorboard import Tensorboard


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was made. number: batches seen since the run began.

    values: the loss and its parts, of this step alone. skipped: the optimizer found gradients that
    are no numbers and left the weights as they were.
    """

    number: int
    values: Mapping[str, float]
    skipped: bool


class Action(Protocol):
    """Something to do after every step."""

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Do it."""


class AfterEachStep(keras.callbacks.Callback):
    """Lets actions act after each step, in their order.

    Steps are counted by batches and not by the optimizer, which passes over those that it skips:
    the difference tells which these are. `agree` asks all workers whether one of them wants to end the run.
    """

    def __init__(self, start: int, actions: Sequence[Action], agree: Callable[[bool], bool] | None = None):
        super().__init__()
        self._start, self._actions, self._agree = start, actions, agree
        self._made = 0
        self._wants_end = False

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Begin to count."""
        self._made = _iterations(self.model)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Tell the actions."""
        # On JAX, asking for the model hands it the weights of this step: once for all actions.
        model = self.model
        before, self._made = self._made, _iterations(model)
        step = Step(self._start + batch + 1, logs or {}, skipped=self._made == before)
        agreed = self._agree is not None and self._agree(self._wants_end)
        model.stop_training = agreed
        for action in self._actions:
            action.after_step(model, step)
        if self._agree is not None:
            # Who ends the run here asks the others with the next step, so that all end it after the same one.
            self._wants_end, model.stop_training = model.stop_training, agreed


def _iterations(model: SwapModel) -> int:
    """How many steps the optimizer has made."""
    return int(ops.convert_to_numpy(model.optimizer.iterations))


class WatchLoss:
    """Ends `fit` by a DivergedError before anything of a run that went wrong is saved."""

    def __init__(self, guard: LossGuard):
        self._guard = guard

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Look at the loss."""
        self._guard.watch(step.number, step.values["loss"], skipped=step.skipped)


class ReportProgress:
    """Tells how far the run is, its loss and speed."""

    def __init__(self, report: Report, total: int, faces_per_step: int):
        self._report, self._total, self._faces = report, total, faces_per_step
        self._began: tuple[float, int] | None = None

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Report; the first step compiles the graph and does not count for the speed."""
        now = time.monotonic()
        if self._began is None:
            self._began = now, step.number
        seconds, steps = now - self._began[0], step.number - self._began[1]
        speed = f", {steps * self._faces / seconds:.0f} faces/s" if steps else ""
        self._report(Progress("train", step.number, self._total, f"loss {step.values['loss']:.3f}{speed}"))


class LogMetrics:
    """Appends the means of the loss and its parts, and how many steps were skipped, to the run's metrics."""

    def __init__(self, run: Run, board: Tensorboard | None = None):
        self._run, self._board = run, board
        self._started = time.monotonic()
        self._begin_means()

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Write a row every `log_every` steps, then begin new means."""
        self._skipped += step.skipped
        if all(map(math.isfinite, step.values.values())):
            self._count += 1
            for name, value in step.values.items():
                self._sums[name] += float(value)
        if step.number % self._run.settings.log_every == 0:
            seconds = round(time.monotonic() - self._started, 3)
            means = {name: round(total / self._count, 6) for name, total in self._sums.items()}
            self._run.log({"step": step.number, "seconds": seconds, **means, "skipped": self._skipped})
            if self._board:
                self._board.write_values(step.number, {**means, "skipped": self._skipped})
            self._begin_means()

    def _begin_means(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._count = self._skipped = 0


class WritePreviews:
    """Draws a preview sheet every `preview_every` steps, and renews the run's page."""

    def __init__(self, run: Run, faces: Sequence[TrainingFaces], board: Tensorboard | None = None):
        self._run, self._faces, self._board = run, faces, board

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Draw when it is time."""
        if step.number % self._run.settings.preview_every == 0:
            sheet = self._run.preview(step.number)
            write_preview(model, self._faces, sheet)
            write_report(self._run)
            if self._board:
                self._board.write_picture(step.number, sheet)


class Evaluate:
    """Judges the held-out faces every `evaluate_every` steps and at the end; marks the best checkpoint."""

    def __init__(self, run: Run, report: Report, board: Tensorboard | None = None):
        self._run, self._report, self._board = run, report, board
        self._evaluator = Evaluator(run) if run.settings.evaluate_every and run.settings.held_out else None

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Judge when it is time."""
        settings = self._run.settings
        ends = step.number == settings.steps
        if self._evaluator is None or (step.number % settings.evaluate_every and not ends):
            return
        found = []
        for evaluation in self._evaluator.evaluate(model):
            found.append(evaluation)
            self._report(Progress("evaluate", len(found), self._evaluator.directions, evaluation.to_text()))
            self._run.log({"step": step.number, **evaluation.to_row()})
        if found:
            self._mark(step.number, float(np.mean([evaluation.score for evaluation in found])))

    def _mark(self, step: int, score: float) -> None:
        """Mark this step's checkpoint, if there is one and none was better."""
        if self._board:
            self._board.write_values(step, {"score": score})
        best = read_best(self._run)
        if has_checkpoint(self._run, step) and (best is None or score > best.figures["score"]):
            mark_best(self._run, step, {"score": score})


class StopWhen:
    """Ends the run after the current step once `asked` is true, or at a time of the monotonic clock."""

    def __init__(self, asked: Callable[[], bool], deadline: float):
        self._asked, self._deadline = asked, deadline

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Ask."""
        if self._asked() or time.monotonic() > self._deadline:
            model.stop_training = True


class SaveCheckpoints:
    """Saves every `checkpoint_every` steps, unless `doubtful`, and at the end.

    The end is saved here and not behind `fit`, which closes by overwriting the weights with their
    average: a run continued from that would not be the same run.
    """

    def __init__(self, run: Run, doubtful: Callable[[], bool]):
        self._run, self._doubtful = run, doubtful

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Save when it is time."""
        settings = self._run.settings
        due = step.number % settings.checkpoint_every == 0 or is_snapshot(self._run, step.number)
        if (due and not self._doubtful()) or step.number == settings.steps or model.stop_training:
            save_checkpoint(model, self._run, step.number)


def make_actions(
    run: Run, faces: Sequence[TrainingFaces], report: Report, asked: Callable[[], bool], deadline: float
) -> list[Action]:
    """Return what is done after each step of a run, in the order in which it must be done."""
    settings = run.settings
    board = Tensorboard(run) if settings.tensorboard else None
    guard = LossGuard(scaled=settings.precision == "mixed_float16")
    return [
        WatchLoss(guard),
        ReportProgress(report, settings.steps, settings.faces_per_step * len(faces)),
        LogMetrics(run, board),
        WritePreviews(run, faces, board),
        StopWhen(asked, deadline),
        SaveCheckpoints(run, lambda: guard.doubtful),
        Evaluate(run, report, board),
    ]
