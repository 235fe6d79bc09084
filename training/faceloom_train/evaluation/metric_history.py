"""The metrics of a run as series over its steps."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from faceloom_train.evaluation.evaluator import SWAP
from faceloom_train.runs.run_directory import Row


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """The values of one metric."""

    steps: Float64[np.ndarray, "n"]
    """The steps at which it was logged, ascending."""
    values: Float64[np.ndarray, "n"]
    """Its values there."""

    @classmethod
    def from_pairs(cls, pairs: Sequence[tuple[float, float]]) -> "MetricSeries":
        """Build a series.

        Args:
            pairs: A step and a value each.
        """
        steps, values = np.array(pairs, np.float64).reshape(-1, 2).T
        return cls(steps, values)

    def __len__(self) -> int:
        return len(self.steps)

    def between(self, after: float, until: float) -> Float64[np.ndarray, "m"]:
        """Return the values of a range of steps.

        Args:
            after: The last step before the range.
            until: The last step of the range.
        """
        return self.values[(self.steps > after) & (self.steps <= until)]


def step_series(rows: Sequence[Row], metric: str) -> MetricSeries:
    """Return a metric of training steps.

    Args:
        rows: The rows of the run's metrics.
        metric: Its key, such as "loss".
    """
    return MetricSeries.from_pairs(
        [
            (row["step"], row[metric])
            for row in rows
            if "seconds" in row and row.get(metric) is not None
        ]
    )


def series_by_subject(rows: Sequence[Row], kind: str, metric: str) -> dict[str, MetricSeries]:
    """Return a metric of the evaluations for each swap or identity.

    Args:
        rows: The rows of the run's metrics.
        kind: `SWAP` or `RECONSTRUCTION`.
        metric: Its key, such as "score" or "ssim".
    """
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        if kind in row and row.get(metric) is not None:
            pairs[row[kind]].append((row["step"], row[metric]))
    return {subject: MetricSeries.from_pairs(found) for subject, found in pairs.items()}


def mean_scores(rows: Sequence[Row]) -> MetricSeries:
    """Return the mean score of all swaps at each evaluation.

    Args:
        rows: The rows of the run's metrics.
    """
    scores: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if SWAP in row:
            scores[row["step"]].append(row["score"])
    return MetricSeries.from_pairs(
        [(step, float(np.mean(found))) for step, found in sorted(scores.items())]
    )
