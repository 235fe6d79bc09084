"""The observers of every step: divergence, progress and the metrics' file."""

import math
import time
from collections import defaultdict, deque

import numpy as np

from faceloom.progress import ProgressCallback
from faceloom_train.config.schema import TrainConfig
from faceloom_train.loop.divergence import DivergenceDetector
from faceloom_train.reporting.events import StepCompleted, StepMetrics
from faceloom_train.reporting.tensorboard import TensorBoardWriter
from faceloom_train.runs.run_directory import Run

# Steps whose ends are kept to measure the speed.
_SPEED_STEPS = 51
# Shortest time of a step in seconds, against division by zero.
_MIN_SECONDS = 1e-9


class DivergenceObserver:
    """Stops `fit` with a DivergedError before a diverged model is saved."""

    def __init__(self, detector: DivergenceDetector):
        """Use a detector.

        Args:
            detector: The detector.
        """
        self._detector = detector

    def observe(self, metrics: StepMetrics) -> None:
        """Check the loss of a step.

        Args:
            metrics: The outputs of the step.

        Raises:
            DivergedError: Training diverged.
        """
        self._detector.check(metrics.step, metrics.losses["loss"], skipped=metrics.skipped)


class ProgressObserver:
    """Reports each step with its loss, learning rate and speed."""

    def __init__(self, report: ProgressCallback, settings: TrainConfig, identity_count: int):
        """Start before the first step.

        Args:
            report: Receives a StepCompleted event for each step.
            settings: The run's settings.
            identity_count: How many identities the run has.
        """
        self._report = report
        self._total_steps = settings.steps
        self._faces_per_step = settings.batch_size * identity_count
        # Ends of the last steps. The first step compiles the graph and is not measured.
        self._ends: deque[float] = deque(maxlen=_SPEED_STEPS)
        self._first: StepMetrics | None = None
        self._skipped_steps = 0

    def observe(self, metrics: StepMetrics) -> None:
        """Report a step.

        Args:
            metrics: The outputs of the step.
        """
        self._first = self._first or metrics
        self._ends.append(metrics.completed_at)
        self._skipped_steps += metrics.skipped
        speed, seconds_left = self._speed(metrics, self._first)
        notes = [f"loss {metrics.losses['loss']:.3f}"]
        if speed is not None:
            notes.append(f"{speed:.0f} faces/s")
        if self._skipped_steps:
            notes.append(f"{self._skipped_steps} steps skipped")
        self._report(
            StepCompleted(
                "train",
                metrics.step,
                self._total_steps,
                ", ".join(notes),
                metrics=metrics,
                faces_per_second=speed,
                seconds_left=seconds_left,
                skipped_steps=self._skipped_steps,
            )
        )

    def _speed(self, metrics: StepMetrics, first: StepMetrics) -> tuple[float | None, float | None]:
        """Return faces per second and the seconds left; None at the first step."""
        steps = metrics.step - first.step
        if not steps:
            return None, None
        # The median ignores the pauses for evaluations and previews.
        seconds = max(float(np.median(np.diff(self._ends))), _MIN_SECONDS)
        mean_seconds = (metrics.completed_at - first.completed_at) / steps
        seconds_left = mean_seconds * (self._total_steps - metrics.step)
        return self._faces_per_step / seconds, seconds_left


class MetricsObserver:
    """Logs the means of the losses every `log_every` steps."""

    def __init__(self, run: Run, tensorboard: TensorBoardWriter | None = None):
        """Start before the first step.

        Args:
            run: The run whose metrics are written.
            tensorboard: Also receives the metrics.
        """
        self._run = run
        self._tensorboard = tensorboard
        self._started = time.monotonic()
        self._reset_means()

    def observe(self, metrics: StepMetrics) -> None:
        """Add a step to the means; write and reset them if it is time.

        Args:
            metrics: The outputs of the step.
        """
        self._skipped_steps += metrics.skipped
        if all(map(math.isfinite, metrics.losses.values())):
            self._count += 1
            for name, value in metrics.losses.items():
                self._sums[name] += float(value)
        if metrics.step % self._run.settings.log_every == 0:
            self._write_row(metrics)
            self._reset_means()

    def _write_row(self, metrics: StepMetrics) -> None:
        values = {
            **{name: round(total / self._count, 6) for name, total in self._sums.items()},
            "learning_rate": float(f"{metrics.learning_rate:.6g}"),
            "skipped_steps": self._skipped_steps,
        }
        seconds = round(time.monotonic() - self._started, 3)
        self._run.log_metrics({"step": metrics.step, "seconds": seconds, **values})
        if self._tensorboard:
            self._tensorboard.write_scalars(metrics.step, values)

    def _reset_means(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._count = 0
        self._skipped_steps = 0
