"""The newest score of a run's swaps, in words."""

from collections.abc import Sequence

import numpy as np

from faceloom.compare import ScoreWords, describe_score
from faceloom_train.evaluation.evaluator import SWAP
from faceloom_train.evaluation.plateau import Trend, assess_trend
from faceloom_train.runs.run_directory import Row, Run


def newest_score(run: Run, source: str) -> tuple[int, ScoreWords] | None:
    """Return the newest score of all swaps to an identity, in words.

    Args:
        run: The run.
        source: The identity whose face the swaps give.

    Returns:
        The step of the evaluation, and the mean score over all targets in words; None if the run
        has not been evaluated.
    """
    rows = run.read_metrics()
    subjects = {f"{target} as {source}" for target in run.identities}
    evaluations = [row for row in rows if row.get(SWAP) in subjects]
    if not evaluations:
        return None
    step = evaluations[-1]["step"]
    newest = [row for row in evaluations if row["step"] == step]
    return step, describe_score(
        float(np.mean([row["score"] for row in newest])),
        identity=_mean(newest, "identity"),
        expression=_mean(newest, "expression"),
        sharpness=_mean(newest, "sharpness"),
        steps_help=_more_steps_help(run, rows, step),
    )


def _mean(rows: Sequence[Row], metric: str) -> float | None:
    values = [row[metric] for row in rows if row.get(metric) is not None]
    return float(np.mean(values)) if values else None


def _more_steps_help(run: Run, rows: Sequence[Row], step: int) -> bool | None:
    trend = assess_trend(rows, run.settings).trend
    if trend is Trend.insufficient_data:
        # The learning rate has not decayed yet.
        return True if step < run.settings.steps else None
    return trend in (Trend.rising, Trend.awaiting_decay)
