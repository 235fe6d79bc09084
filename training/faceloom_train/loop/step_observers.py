"""Who looks at the values of every step: the guard, the display, the metrics."""

import math
import time
from collections import defaultdict, deque

import numpy as np

from faceloom.progress import ProgressCallback
from faceloom_train.config.schema import TrainConfig
from faceloom_train.loop.divergence import LossGuard
from faceloom_train.loop.hooks import Step
from faceloom_train.reporting.events import Stepped
from faceloom_train.reporting.tensorboard import Tensorboard
from faceloom_train.runs.run_directory import Run

# The speed is told of so many steps.
_SPEED_OF = 51


class WatchLoss:
    """Ends `fit` by a DivergedError before anything of a run that went wrong is saved."""

    def __init__(self, guard: LossGuard):
        self._guard = guard

    def watch(self, step: Step) -> None:
        """Look at the loss."""
        self._guard.watch(step.number, step.values["loss"], skipped=step.skipped)


class ReportProgress:
    """Tells how far the run is, its loss, learning rate and speed."""

    def __init__(self, report: ProgressCallback, settings: TrainConfig, identities: int):
        self._report, self._settings = report, settings
        self._faces = settings.faces_per_step * identities
        # When each of the last steps ended, and the first one: it compiles the graph and does not count.
        self._ends: deque[float] = deque(maxlen=_SPEED_OF)
        self._began: tuple[float, int] | None = None
        self._skipped = 0

    def watch(self, step: Step) -> None:
        """Report."""
        now = step.ended
        if self._began is None:
            self._began = now, step.number
        self._ends.append(now)
        steps = step.number - self._began[1]
        # The median: between some steps lies an evaluation or a preview.
        speed = self._faces / max(float(np.median(np.diff(self._ends))), 1e-9) if steps else None
        left = (
            (now - self._began[0]) / steps * (self._settings.steps - step.number) if steps else None
        )
        self._skipped += step.skipped
        said = [f"loss {step.values['loss']:.3f}"]
        said += [f"{speed:.0f} faces/s"] if speed is not None else []
        said += [f"{self._skipped} steps skipped"] if self._skipped else []
        self._report(
            Stepped(
                "train", step.number, self._settings.steps, ", ".join(said),
                values=step.values, rate=step.rate, faces_per_second=speed, seconds_left=left,
                skipped=self._skipped,
            )
        )  # fmt: skip


class LogMetrics:
    """Appends the means of the loss and its parts, the rate, and how many steps were skipped, to the run's metrics."""

    def __init__(self, run: Run, board: Tensorboard | None = None):
        self._run, self._board = run, board
        self._started = time.monotonic()
        self._begin_means()

    def watch(self, step: Step) -> None:
        """Write a row every `log_every` steps, then begin new means."""
        self._skipped += step.skipped
        if all(map(math.isfinite, step.values.values())):
            self._count += 1
            for name, value in step.values.items():
                self._sums[name] += float(value)
        if step.number % self._run.settings.log_every == 0:
            seconds = round(time.monotonic() - self._started, 3)
            means = {name: round(total / self._count, 6) for name, total in self._sums.items()}
            told = {**means, "learning_rate": float(f"{step.rate:.6g}"), "skipped": self._skipped}
            self._run.log({"step": step.number, "seconds": seconds, **told})
            if self._board:
                self._board.write_values(step.number, told)
            self._begin_means()

    def _begin_means(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._count = self._skipped = 0
