"""Assess from a run's metrics whether more steps still improve the swaps.

The loss is no criterion: it keeps falling even while the expression gets worse. The criterion is
the mean score of the evaluations: a window of the newest evaluations is compared with the best
earlier window. A difference counts only if it exceeds the noise of the evaluations. While the
learning rate is high and will decay, a constant score is not yet a plateau, because the decay
brings out detail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float64
from numpy.lib.stride_tricks import sliding_window_view

from faceloom_train.config.schema import TrainConfig
from faceloom_train.evaluation.metric_history import MetricSeries, mean_scores, step_series
from faceloom_train.runs.run_directory import Row, Run

# Evaluations in a window: a quarter of all, but at least so many ...
_MIN_WINDOW = 3
# ... and at most so many.
_MAX_WINDOW = 8
# Smallest difference in score points that counts, however small the noise.
_MIN_DIFFERENCE = 0.5
# Standard errors that a rise must exceed.
_RISE_ERRORS = 2.0
# Standard errors that a fall must exceed: more, because the best of many windows is high by chance.
_FALL_ERRORS = 3.0
# Fraction of the peak learning rate above which most of its decay is still to come.
_HIGH_LEARNING_RATE = 0.25
# The loss is falling if its mean is below this fraction of its mean in the window before.
_LOSS_FALL_RATIO = 0.98
# Settings that change how the model learns: evaluations before a change are not compared.
_LEARNING_SETTINGS = (
    "loss",
    "augmentation",
    "sampling_balance",
    "optimizer",
    "steps",
    "batch_size",
)


class Trend(StrEnum):
    """How the score develops; also stored in the metrics."""

    insufficient_data = "insufficient_data"
    """There are too few evaluations."""
    rising = "rising"
    """It improves."""
    awaiting_decay = "awaiting_decay"
    """It is constant, but most of the decay of the learning rate is still to come."""
    flat = "flat"
    """It is constant."""
    falling = "falling"
    """It gets worse."""


@dataclass(frozen=True, slots=True)
class TrendAssessment:
    """How the score develops, with the numbers that this is derived from."""

    trend: Trend
    """The trend."""
    evaluations: int
    """How many evaluations there were since the last change of a setting that affects learning."""
    changed: bool = False
    """Whether such a setting was changed."""
    score: float = 0.0
    """Mean score of the newest window, 0 to 100."""
    gain: float = 0.0
    """Its difference to the best earlier window, in score points."""
    since: int = 0
    """The step from which on the score has been so."""
    best_step: int = 0
    """The step of the best evaluation of the run."""
    best_score: float = 0.0
    """Its mean score."""
    learning_rate_fraction: float | None = None
    """The current learning rate as a fraction of its peak; None if it does not decay."""
    loss_is_falling: bool = False
    """Whether the loss is falling."""
    total_steps: int = 0
    """Steps of the whole run."""

    @property
    def is_over(self) -> bool:
        """Whether more steps do not help."""
        return self.trend in (Trend.flat, Trend.falling)

    def to_text(self) -> str:
        """Return a sentence without its period, so that it can be continued."""
        constant = f"score {self.score:.1f} since step {self.since}"
        loss = ", although the loss is still falling" if self.loss_is_falling else ""
        match self.trend:
            case Trend.insufficient_data:
                changed = " since the settings were changed" if self.changed else ""
                plural = "" if self.evaluations == 1 else "s"
                return (
                    f"{self.evaluations} evaluation{plural}{changed}: {2 * _MIN_WINDOW} are needed "
                    "to tell whether more steps help"
                )
            case Trend.rising:
                return (
                    f"more steps help: score {self.score:.1f}, {self.gain:.1f} more than before "
                    f"step {self.since}"
                )
            case Trend.awaiting_decay:
                percent = 100 * (self.learning_rate_fraction or 0)
                return (
                    f"{constant}, but the learning rate, at {percent:.0f} % of its peak, decays "
                    f"until step {self.total_steps}, which brings out detail: wait for it, or let "
                    "it decay sooner with a smaller --steps"
                )
            case Trend.falling:
                return (
                    f"more steps do harm: score {self.score:.1f}, down from {self.best_score:.1f} "
                    f"at step {self.best_step}{loss}"
                )
        return f"more steps will not help: {constant}{loss}"


def assess_trend(rows: Sequence[Row], settings: TrainConfig) -> TrendAssessment:
    """Assess whether more steps help.

    Args:
        rows: The rows of the run's metrics.
        settings: The run's settings.
    """
    changed_at = _last_learning_change(rows)
    all_scores = mean_scores(rows)
    scores = MetricSeries(
        all_scores.steps[all_scores.steps > changed_at], all_scores.between(changed_at, np.inf)
    )
    count = len(scores)
    if count < 2 * _MIN_WINDOW:
        return TrendAssessment(Trend.insufficient_data, count, changed_at >= 0)
    window = min(max(_MIN_WINDOW, count // 4), _MAX_WINDOW)
    windows = sliding_window_view(scores.values, window)
    means = windows.mean(1)
    error = _noise(scores.values[-2 * window - 2 :]) * (2 / window) ** 0.5
    min_rise = max(_MIN_DIFFERENCE, _RISE_ERRORS * error)
    # Medians must agree with means, so that one outlier does not make a trend.
    gains = np.array([at[-1] - at[:-window].max() for at in (means, np.median(windows, axis=1))])
    learning_rate = _learning_rate_fraction(rows, settings)
    trend = Trend.flat
    if gains.min() > min_rise:
        trend = Trend.rising
    elif -gains.max() > max(_MIN_DIFFERENCE, _FALL_ERRORS * error):
        trend = Trend.falling
    elif learning_rate is not None and learning_rate > _HIGH_LEARNING_RATE:
        trend = Trend.awaiting_decay
    best = int(np.argmax(all_scores.values))
    # A rise starts with the newest window, anything else with the first window as good as it.
    is_as_good = means >= means[-1] - min_rise
    first = count - window if trend is Trend.rising else int(np.argmax(is_as_good))
    return TrendAssessment(
        trend,
        count,
        changed_at >= 0,
        score=float(means[-1]),
        gain=float(means[-1]) - float(means[:-window].max()),
        since=int(scores.steps[first]),
        best_step=int(all_scores.steps[best]),
        best_score=float(all_scores.values[best]),
        learning_rate_fraction=learning_rate,
        loss_is_falling=_is_falling(step_series(rows, "loss"), scores.steps, window),
        total_steps=settings.steps,
    )


def current_advice(rows: Sequence[Row], settings: TrainConfig) -> str:
    """Return the last logged advice while its trend still holds, otherwise the current assessment.

    Args:
        rows: The rows of the run's metrics.
        settings: The run's settings.

    Returns:
        A sentence without its period.
    """
    assessment = assess_trend(rows, settings)
    last = next((row for row in reversed(rows) if row.get("event") == "trend"), None)
    holds = last is not None and last["trend"] == assessment.trend
    return str(last["advice"]) if last is not None and holds else assessment.to_text()


def has_stopped_on_plateau(run: Run) -> bool:
    """Return whether a run ended because more steps do not help, and must not continue.

    Args:
        run: The run.
    """
    return run.settings.stop_on_plateau and assess_trend(run.read_metrics(), run.settings).is_over


def _last_learning_change(rows: Sequence[Row]) -> int:
    """Return the step of the last change of a setting that affects learning; -1: none."""
    return max(
        (
            row["step"]
            for row in rows
            if row.get("event") == "setting_changed"
            and str(row["setting"]).split(".")[0] in _LEARNING_SETTINGS
        ),
        default=-1,
    )


def _noise(scores: Float64[np.ndarray, "n"]) -> float:
    """Estimate the standard deviation of one evaluation, regardless of a linear trend.

    The mean absolute second difference of independent normal numbers with standard deviation s is
    sqrt(6) sqrt(2 / pi) s.
    """
    return float(np.abs(np.diff(scores, 2)).mean() * (np.pi / 12) ** 0.5)


def _learning_rate_fraction(rows: Sequence[Row], settings: TrainConfig) -> float | None:
    """Return the learning rate divided by its peak; None if it is constant or unknown."""
    rates = step_series(rows, "learning_rate")
    if settings.optimizer.lr_schedule == "constant" or not len(rates):
        return None
    return float(rates.values[-1] / settings.optimizer.learning_rate)


def _is_falling(loss: MetricSeries, steps: Float64[np.ndarray, "n"], window: int) -> bool:
    """Return whether the loss is lower in the newest window than in the one before."""
    start, middle, end = steps[-2 * window], steps[-window], steps[-1]
    before, now = loss.between(start, middle), loss.between(middle, end)
    return bool(len(before) and len(now) and now.mean() < _LOSS_FALL_RATIO * before.mean())
