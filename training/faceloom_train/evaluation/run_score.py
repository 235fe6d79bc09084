"""The newest score of a run's swaps, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceloom.compare import ScoreWords, describe_score
from faceloom_train.evaluation.evaluator import FACES, SWAP
from faceloom_train.evaluation.plateau import Trend, assess_trend
from faceloom_train.runs.run_directory import Row, Run

# Steps of this run below which a score is not put into words. The first predictions are one mean
# face everywhere: sharp, similar to the source, and without any motion of its own.
MIN_JUDGED_STEPS = 100
# Validation faces of a target below which a score is not put into words: the expression is a
# correlation over them, and high by chance for two or three. A set of 32 faces has four.
MIN_JUDGED_FACES = 4


@dataclass(frozen=True, slots=True)
class RunScore:
    """The newest score of an identity's face."""

    step: int
    """The step of the evaluation."""
    words: ScoreWords
    """The mean score over all targets in words."""
    unjudged: str
    """Why the score says nothing yet, as a clause; empty if it does."""

    def to_text(self) -> str:
        """Return the score in words, or why there are none, as a sentence without its period."""
        return self.unjudged or self.words.to_text()


def unjudged_reason(evaluation: Sequence[Row]) -> str:
    """Return why the scores of an evaluation say nothing yet.

    Args:
        evaluation: The rows of one evaluation; at least one is a swap's.

    Returns:
        A clause such as "too early to judge: 1 step, and 100 are needed"; empty if the scores can
        be put into words.
    """
    step = evaluation[0]["step"]
    if step < MIN_JUDGED_STEPS:
        steps = "1 step" if step == 1 else f"{step} steps"
        return f"too early to judge: {steps}, and {MIN_JUDGED_STEPS} are needed"
    faces = min((row[FACES] for row in evaluation if FACES in row), default=MIN_JUDGED_FACES)
    if faces < MIN_JUDGED_FACES:
        count = "1 validation face" if faces == 1 else f"{faces} validation faces"
        return (
            f"too few faces to judge: {count}, and {MIN_JUDGED_FACES} are needed (one of eight "
            "faces of a face set is one)"
        )
    return ""


def newest_score(run: Run, source: str) -> RunScore | None:
    """Return the newest score of all swaps to an identity, in words.

    Args:
        run: The run.
        source: The identity whose face the swaps give.

    Returns:
        The score; None if the run has not been evaluated.
    """
    rows = run.read_metrics()
    subjects = {f"{target} as {source}" for target in run.identities}
    evaluations = [row for row in rows if row.get(SWAP) in subjects]
    if not evaluations:
        return None
    step = evaluations[-1]["step"]
    newest = [row for row in evaluations if row["step"] == step]
    words = describe_score(
        float(np.mean([row["score"] for row in newest])),
        identity=_mean(newest, "identity"),
        expression=_mean(newest, "expression"),
        followed_motion=_mean(newest, "followed_motion"),
        sharpness=_mean(newest, "sharpness"),
        steps_help=_more_steps_help(run, rows, step),
    )
    return RunScore(step, words, unjudged_reason(newest))


def _mean(rows: Sequence[Row], metric: str) -> float | None:
    values = [row[metric] for row in rows if row.get(metric) is not None]
    return float(np.mean(values)) if values else None


def _more_steps_help(run: Run, rows: Sequence[Row], step: int) -> bool | None:
    trend = assess_trend(rows, run.settings).trend
    if trend is Trend.insufficient_data:
        # The learning rate has not decayed yet.
        return True if step < run.settings.steps else None
    return trend in (Trend.rising, Trend.awaiting_decay)
