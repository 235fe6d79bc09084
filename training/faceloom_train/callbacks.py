"""What happens beside the steps: progress, metrics, previews, checkpoints, the end."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
from keras import ops

from faceloom.progress import Report
from faceloom_train.actions import Action, Step
from faceloom_train.checkpoint import is_snapshot, save_checkpoint
from faceloom_train.config import TrainConfig
from faceloom_train.data import TrainingFaces
from faceloom_train.events import Drawn, Saved, Stepped
from faceloom_train.guard import LossGuard
from faceloom_train.judging import Evaluate, WatchPlateau
from faceloom_train.model import SwapModel
from faceloom_train.optimizer import learning_rate_of
from faceloom_train.preview import write_preview
from faceloom_train.report import write_report
from faceloom_train.run import Run
from faceloom_train.tensorboard import Tensorboard

# The speed is told of so many steps.
_SPEED_OF = 51


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
    """Tells how far the run is, its loss, learning rate and speed."""

    def __init__(self, report: Report, settings: TrainConfig, identities: int):
        self._report, self._settings = report, settings
        self._faces = settings.faces_per_step * identities
        # When each of the last steps ended, and the first one: it compiles the graph and does not count.
        self._ends: deque[float] = deque(maxlen=_SPEED_OF)
        self._began: tuple[float, int] | None = None
        self._rate = 0.0
        self._skipped = 0

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Report."""
        now = time.monotonic()
        if self._began is None or step.number % self._settings.log_every == 0:
            # Asking the schedule takes a millisecond.
            self._rate = learning_rate_of(model)
        if self._began is None:
            self._began = now, step.number
        self._ends.append(now)
        steps = step.number - self._began[1]
        # The median: between some steps lies an evaluation or a preview.
        speed = self._faces / float(np.median(np.diff(self._ends))) if steps else None
        left = (now - self._began[0]) / steps * (self._settings.steps - step.number) if steps else None
        self._skipped += step.skipped
        said = [f"loss {step.values['loss']:.3f}"]
        said += [f"{speed:.0f} faces/s"] if speed is not None else []
        said += [f"{self._skipped} steps skipped"] if self._skipped else []
        self._report(
            Stepped(
                "train", step.number, self._settings.steps, ", ".join(said),
                values=step.values, rate=self._rate, faces_per_second=speed, seconds_left=left,
                skipped=self._skipped,
            )
        )  # fmt: skip


class LogMetrics:
    """Appends the means of the loss and its parts, the rate, and how many steps were skipped, to the run's metrics."""

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
            told = {**means, "learning_rate": float(f"{learning_rate_of(model):.6g}"), "skipped": self._skipped}
            self._run.log({"step": step.number, "seconds": seconds, **told})
            if self._board:
                self._board.write_values(step.number, told)
            self._begin_means()

    def _begin_means(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._count = self._skipped = 0


class WritePreviews:
    """Draws a preview sheet every `preview_every` steps, and renews the run's page."""

    def __init__(self, run: Run, faces: Sequence[TrainingFaces], report: Report, board: Tensorboard | None = None):
        self._run, self._faces, self._report, self._board = run, faces, report, board

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Draw when it is time."""
        settings = self._run.settings
        if step.number % settings.preview_every == 0:
            sheet = self._run.preview(step.number)
            write_preview(model, self._faces, sheet)
            write_report(self._run)
            self._report(Drawn("preview", step.number, settings.steps, sheet=sheet))
            if self._board:
                self._board.write_picture(step.number, sheet)


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

    def __init__(self, run: Run, report: Report, doubtful: Callable[[], bool]):
        self._run, self._report, self._doubtful = run, report, doubtful

    def after_step(self, model: SwapModel, step: Step) -> None:
        """Save when it is time."""
        settings = self._run.settings
        due = step.number % settings.checkpoint_every == 0 or is_snapshot(self._run, step.number)
        if (due and not self._doubtful()) or step.number == settings.steps or model.stop_training:
            save_checkpoint(model, self._run, step.number)
            self._report(Saved("checkpoint", step.number, settings.steps))


def make_actions(
    run: Run, faces: Sequence[TrainingFaces], report: Report, asked: Callable[[], bool], deadline: float
) -> list[Action]:
    """Return what is done after each step of a run, in the order in which it must be done."""
    settings = run.settings
    board = Tensorboard(run) if settings.tensorboard else None
    guard = LossGuard(scaled=settings.precision == "mixed_float16")
    return [
        WatchLoss(guard),
        ReportProgress(report, settings, len(faces)),
        LogMetrics(run, board),
        WritePreviews(run, faces, report, board),
        StopWhen(asked, deadline),
        SaveCheckpoints(run, report, lambda: guard.doubtful),
        Evaluate(run, report, board),
        WatchPlateau(run, report),
    ]
