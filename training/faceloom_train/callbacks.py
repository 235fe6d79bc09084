"""What happens beside the steps: progress, metrics, previews, checkpoints, the end."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from faceloom.errors import PartlyDone
from faceloom.progress import Progress, Report
from faceloom_train.checkpoint import is_snapshot, save_checkpoint
from faceloom_train.data import TrainingFaces
from faceloom_train.preview import write_preview
from faceloom_train.run import Run


class EveryStep(keras.callbacks.Callback):
    """Calls `after_step(step, logs)` with the number of batches seen since the run began.

    The optimizer's own count will not do: scaling the loss for float16, it passes over batches that overflow.
    """

    def __init__(self, start: int):
        super().__init__()
        self._start = start

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count the step."""
        self.after_step(self._start + batch + 1, logs or {})

    def after_step(self, step: int, logs: Mapping[str, float]) -> None:
        """Do something after a step; `logs` are means since the last `LogMetrics` row."""
        raise NotImplementedError


class StopOnBadLoss(EveryStep):
    """Ends the run when the loss is no number any more, before anything of it is saved."""

    def after_step(self, step: int, logs: Mapping[str, float]) -> None:
        """Raise PartlyDone for a loss that is infinite or no number."""
        if not math.isfinite(logs["loss"]):
            raise PartlyDone(
                f"The loss is no longer a number at step {step}; nothing was saved since the last checkpoint. "
                "Continue that with a lower rate: --set optimizer.learning_rate=..."
            )


class ReportProgress(EveryStep):
    """Tells how far the run is, its loss and speed."""

    def __init__(self, start: int, report: Report, total: int, faces_per_step: int):
        super().__init__(start)
        self._report, self._total, self._faces = report, total, faces_per_step
        self._began: tuple[float, int] | None = None

    def after_step(self, step: int, logs: Mapping[str, float]) -> None:
        """Report; the first step compiles the graph and does not count for the speed."""
        now = time.monotonic()
        if self._began is None:
            self._began = now, step
        seconds, steps = now - self._began[0], step - self._began[1]
        speed = f", {steps * self._faces / seconds:.0f} faces/s" if steps else ""
        self._report(Progress("train", step, self._total, f"loss {logs['loss']:.3f}{speed}"))


class LogMetrics(EveryStep):
    """Appends the loss and its parts to the run's metrics."""

    def __init__(self, start: int, run: Run):
        super().__init__(start)
        self._run = run
        self._started = time.monotonic()

    def after_step(self, step: int, logs: Mapping[str, float]) -> None:
        """Write a row every `log_every` steps, then begin new means."""
        if step % self._run.settings.log_every:
            return
        seconds = round(time.monotonic() - self._started, 3)
        parts = {name: round(float(value), 6) for name, value in logs.items()}
        self._run.log({"step": step, "seconds": seconds, **parts})
        self.model.reset_metrics()


class WritePreviews(EveryStep):
    """Draws a preview sheet every `preview_every` steps."""

    def __init__(self, start: int, run: Run, faces: Sequence[TrainingFaces]):
        super().__init__(start)
        self._run, self._faces = run, faces

    def after_step(self, step: int, logs: Mapping[str, float]) -> None:
        """Draw when it is time."""
        if step % self._run.settings.preview_every == 0:
            write_preview(self.model, self._faces, self._run.directory / "previews" / f"step-{step:08d}.png")


class SaveCheckpoints(EveryStep):
    """Saves every `checkpoint_every` steps and at the end.

    The end is saved here and not behind `fit`, which closes by overwriting the weights with their
    average: a run continued from that would not be the same run.
    """

    def __init__(self, start: int, run: Run):
        super().__init__(start)
        self._run = run

    def after_step(self, step: int, logs: Mapping[str, float]) -> None:
        """Save when it is time."""
        settings = self._run.settings
        due = step % settings.checkpoint_every == 0 or is_snapshot(self._run, step)
        if due or step == settings.steps or self.model.stop_training:
            save_checkpoint(self.model, self._run, step)


class StopWhen(EveryStep):
    """Ends the run after the current step once `asked` is true, or after `minutes`."""

    def __init__(self, start: int, asked: Callable[[], bool], minutes: float | None):
        super().__init__(start)
        self._asked = asked
        self._deadline = time.monotonic() + minutes * 60 if minutes is not None else math.inf

    def after_step(self, step: int, logs: Mapping[str, float]) -> None:
        """Ask."""
        if self._asked() or time.monotonic() > self._deadline:
            self.model.stop_training = True


def make_callbacks(
    run: Run,
    start: int,
    faces: Sequence[TrainingFaces],
    report: Report,
    asked: Callable[[], bool],
    minutes: float | None,
) -> list[Any]:
    """Return the callbacks of a run that goes on at step `start`, in the order they must act."""
    settings = run.settings
    return [
        StopOnBadLoss(start),
        ReportProgress(start, report, settings.steps, settings.batch_size * len(faces)),
        LogMetrics(start, run),
        WritePreviews(start, run, faces),
        StopWhen(start, asked, minutes),
        SaveCheckpoints(start, run),
    ]
