"""Whether more steps still make better swaps, told from what a run has noted of itself.

The loss does not tell: it falls for ever, also while the expression gets worse. What counts is the mean score of
the evaluations. It is compared between the newest few and any as many before them, and a difference counts only if it
is more than the evaluations' own noise. While the learning rate is high and going to fall, a score that stands still
says nothing yet: the fall of the rate is what brings out the detail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float64
from numpy.lib.stride_tricks import sliding_window_view

from faceloom_train.config.schema import TrainConfig
from faceloom_train.evaluation.metric_history import Column, column, mean_scores
from faceloom_train.runs.run_directory import Row, Run

# Evaluations that are compared with as many: a quarter of all, within these.
_FEWEST, _MOST = 3, 8
# Points of the score that count as a difference at all, however small the noise.
_LEAST = 0.5
# So many standard errors of a difference are noise. What fell is compared with the best of many, which is high by
# chance, too.
_RISEN, _FALLEN = 2.0, 3.0
# A rate above this share of its highest has its fall before it.
_HIGH_RATE = 0.25
# The loss falls if it is below this share of what it was.
_LOSS_FALLS = 0.98
# After a change of what is learned, and how, the evaluations before it say nothing of those to come.
_LEARNING = ("loss", "augment", "balance", "optimizer", "steps", "effective_batch_size")


class Trend(StrEnum):
    """short: too few evaluations to say. waiting: flat, but the learning rate is about to fall."""

    short = "short"
    rising = "rising"
    waiting = "waiting"
    flat = "flat"
    falling = "falling"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of more steps.

    evaluations: how many there were since what is learned was last changed, if it was `changed`. score: the mean of
    the newest few; rise: how much more than before; since: the step from which on it has been so. best: the step of
    the best score of all, and that. rate: of the highest learning rate, None if it does not fall. loss_falls: whether
    it still does. steps: how many are planned.
    """

    trend: Trend
    evaluations: int
    changed: bool = False
    score: float = 0.0
    rise: float = 0.0
    since: int = 0
    best: tuple[int, float] = (0, 0.0)
    rate: float | None = None
    loss_falls: bool = False
    steps: int = 0

    @property
    def is_over(self) -> bool:
        """Whether more steps will not help."""
        return self.trend in (Trend.flat, Trend.falling)

    def to_text(self) -> str:
        """Say it in a sentence without its full stop, so that more can be said."""
        stood = f"score {self.score:.1f} since step {self.since}"
        loss = ", although the loss still falls" if self.loss_falls else ""
        match self.trend:
            case Trend.short:
                changed = " since the settings were changed" if self.changed else ""
                return (
                    f"{self.evaluations} evaluation{'s'[: self.evaluations != 1]}{changed}: whether more steps help "
                    f"can be said after {2 * _FEWEST}"
                )
            case Trend.rising:
                return f"more steps help: score {self.score:.1f}, {self.rise:.1f} more than before step {self.since}"
            case Trend.waiting:
                return (
                    f"{stood}, but the learning rate, at {100 * (self.rate or 0):.0f} % of its highest, falls until "
                    f"step {self.steps}, which brings out detail: wait for it, or bring it forward with --steps"
                )
            case Trend.falling:
                return (
                    f"more steps do harm: score {self.score:.1f}, down from {self.best[1]:.1f} at step "
                    f"{self.best[0]}{loss}"
                )
        return f"more steps will not help: {stood}{loss}"


def outlook_of(rows: Sequence[Row], settings: TrainConfig) -> Outlook:
    """Tell from a run's metrics what is to be expected of more steps."""
    changed = max(
        (row["step"] for row in rows if row.get("changed", "").split(".")[0] in _LEARNING),
        default=-1,
    )
    every = mean_scores(rows)
    told = Column(every.steps[every.steps > changed], every.between(changed, np.inf))
    count = len(told)
    if count < 2 * _FEWEST:
        return Outlook(Trend.short, count, changed >= 0)
    window = min(max(_FEWEST, count // 4), _MOST)
    windows = sliding_window_view(told.values, window)
    means = windows.mean(1)
    score, before = float(means[-1]), float(means[:-window].max())
    # Of medians as well: one lucky or unlucky evaluation is no trend.
    differences = np.array(
        [at[-1] - at[:-window].max() for at in (means, np.median(windows, axis=1))]
    )
    error = _noise(told.values[-2 * window - 2 :]) * (2 / window) ** 0.5
    risen = max(_LEAST, _RISEN * error)
    rate = _rate(rows, settings)
    trend = Trend.flat
    if differences.min() > risen:
        trend = Trend.rising
    elif -differences.max() > max(_LEAST, _FALLEN * error):
        trend = Trend.falling
    elif rate is not None and rate > _HIGH_RATE:
        trend = Trend.waiting
    best = int(np.argmax(every.values))
    # The first few that were as good; of a rise, the first of the newest.
    first = count - window if trend is Trend.rising else int(np.argmax(means >= score - risen))
    return Outlook(
        trend,
        count,
        changed >= 0,
        score,
        score - before,
        since=int(told.steps[first]),
        best=(int(every.steps[best]), float(every.values[best])),
        rate=rate,
        loss_falls=_falls(column(rows, "loss"), told.steps, window),
        steps=settings.steps,
    )


def advice_of(rows: Sequence[Row], settings: TrainConfig) -> str:
    """Return what was noted last of whether more steps help, with its advice, while it holds; else what holds now."""
    outlook = outlook_of(rows, settings)
    last = next((row for row in reversed(rows) if "plateau" in row), None)
    return str(last["said"]) if last and last["plateau"] == outlook.trend else outlook.to_text()


def has_ended(run: Run) -> bool:
    """Whether a run has ended because more steps will not help, and must not go on."""
    return run.settings.stop_on_plateau and outlook_of(run.rows(), run.settings).is_over


def _noise(scores: Float64[np.ndarray, "n"]) -> float:
    """Return the standard deviation of one evaluation, however the scores rise: from their second differences.

    The mean size of those of independent normal numbers is sqrt(6) sqrt(2 / pi) of their deviation.
    """
    return float(np.abs(np.diff(scores, 2)).mean() * (np.pi / 12) ** 0.5)


def _rate(rows: Sequence[Row], settings: TrainConfig) -> float | None:
    """Return the learning rate as a share of its highest; None if it stays where it is, or is not known."""
    rates = column(rows, "learning_rate")
    if settings.optimizer.decay == "constant" or not len(rates):
        return None
    return float(rates.values[-1] / settings.optimizer.learning_rate)


def _falls(loss: Column, steps: Float64[np.ndarray, "n"], window: int) -> bool:
    """Whether the loss was lower during the newest evaluations than during those before."""
    begin, middle, end = steps[-2 * window], steps[-window], steps[-1]
    before, now = loss.between(begin, middle), loss.between(middle, end)
    return bool(len(before) and len(now) and now.mean() < _LOSS_FALLS * before.mean())
