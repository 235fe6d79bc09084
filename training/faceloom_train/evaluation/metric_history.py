"""What the metrics of a run say of its evaluations, as columns over its steps."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from faceloom_train.evaluation.evaluator import DIRECTION
from faceloom_train.runs.run_directory import Row


@dataclass(frozen=True, slots=True)
class Column:
    """Values over the steps at which they were noted."""

    steps: Float64[np.ndarray, "n"]
    values: Float64[np.ndarray, "n"]

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]]) -> "Column":
        """Gather pairs of a step and a value."""
        steps, values = np.array(pairs, np.float64).reshape(-1, 2).T
        return cls(steps, values)

    def __len__(self) -> int:
        return len(self.steps)

    def between(self, after: float, until: float) -> Float64[np.ndarray, "m"]:
        """Return the values of the steps beyond `after` and up to `until`."""
        return self.values[(self.steps > after) & (self.steps <= until)]


def column(rows: Sequence[Row], name: str) -> Column:
    """Return what the rows of steps say of a figure such as the loss."""
    return Column.of(
        [(row["step"], row[name]) for row in rows if "seconds" in row and row.get(name) is not None]
    )


def columns_by_subject(rows: Sequence[Row], kind: str, figure: str) -> dict[str, Column]:
    """Return a figure of each subject (a direction or an identity); kind: DIRECTION or OWN."""
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        if kind in row and row.get(figure) is not None:
            pairs[row[kind]].append((row["step"], row[figure]))
    return {subject: Column.of(found) for subject, found in pairs.items()}


def mean_scores(rows: Sequence[Row]) -> Column:
    """Return the mean score of all directions at each evaluation."""
    scores: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if DIRECTION in row:
            scores[row["step"]].append(row["score"])
    return Column.of([(step, float(np.mean(found))) for step, found in sorted(scores.items())])
