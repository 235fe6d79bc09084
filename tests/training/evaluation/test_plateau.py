"""A plateau is reported when more steps do not help, with advice on what helps instead."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.facesets import changed, good_faces, write_faceset
from tests.helpers.reviews import without_networks
from tests.helpers.runs import metrics_rows, simple_config, simple_run

from faceloom.progress import Progress
from faceloom_train.config import change_config
from faceloom_train.evaluation.evaluator import (
    SWAP,
    EvaluationResult,
    Reconstruction,
    SwapEvaluation,
)
from faceloom_train.evaluation.footage_advice import advise_footage
from faceloom_train.evaluation.plateau import (
    Trend,
    assess_trend,
    current_advice,
    has_stopped_on_plateau,
)
from faceloom_train.loop import evaluation_callbacks
from faceloom_train.loop.summary import summary_text
from faceloom_train.loop.trainer import train
from faceloom_train.reporting.events import TrendChanged
from faceloom_train.runs.checkpoint import has_checkpoint
from faceloom_train.runs.run_directory import Row, Run

pytestmark = pytest.mark.training

DIRECTIONS = [("ada", "ben", 2.0), ("ben", "ada", -2.0)]
NOISE = np.random.default_rng(3).normal(0, 1, 60)
RISING = 60 * (1 - np.exp(-np.arange(1, 9) / 4))
FLAT = 54 * (1 - np.exp(-np.arange(1, 21) / 1.5))
OVERTRAINED = np.concatenate([FLAT, 54 - 0.5 * np.arange(1, 13)])


def metrics(scores: np.ndarray, rate: float = 1e-5, loss: float = 0.9) -> list[Row]:
    """Rows of a run with an evaluation every 1,000 steps, which multiply the loss by `loss`."""
    rows: list[Row] = []
    for number, score in enumerate(scores, 1):
        step = 1000 * number
        rows.append({"step": step, "seconds": step, "loss": loss**number, "learning_rate": rate})
        rows += [{"step": step, SWAP: f"{a} as {b}", "score": score + d} for a, b, d in DIRECTIONS]
    return rows


CURVES = {
    "none": (
        [],
        Trend.insufficient_data,
        "0 evaluations: 6 are needed to tell whether more steps help",
    ),
    "one": ([50.0], Trend.insufficient_data, "1 evaluation: "),
    "too few": (RISING[:5], Trend.insufficient_data, "5 evaluations"),
    "rising": (
        RISING,
        Trend.rising,
        "more steps help: score 49.4, 11.9 more than before step 6000",
    ),
    "rising slowly": (40 + 0.3 * np.arange(20), Trend.rising, "more steps help"),
    "rising slowly in noise": (40 + np.arange(40) + NOISE[:40], Trend.rising, "more steps help"),
    "flat": (FLAT, Trend.flat, "more steps will not help: score 54.0 since step 6000"),
    "flat from the start": (np.full(6, 12.0), Trend.flat, "score 12.0 since step 1000"),
    "flat in noise": (
        50 + NOISE,
        Trend.flat,
        "more steps will not help: score 49.9 since step 1000",
    ),
    "flat in much noise": (50 + 4 * NOISE[:12], Trend.flat, "more steps will not help"),
    "overtrained": (
        OVERTRAINED,
        Trend.falling,
        "more steps do harm: score 49.8, down from 54.0 at step 20000",
    ),
    "overtrained in noise": (OVERTRAINED + 0.3 * NOISE[:32], Trend.falling, "more steps do harm"),
    "one bad evaluation": ([*FLAT[:-1], 50.0], Trend.flat, "more steps will not help"),
}


@pytest.mark.parametrize("name", CURVES)
def test_the_trend_of_the_scores(name: str) -> None:
    scores, trend, text = CURVES[name]
    assessment = assess_trend(metrics(np.array(scores)), simple_config())
    assert assessment.trend == trend
    assert assessment.is_over == (trend in (Trend.flat, Trend.falling))
    assert text in assessment.to_text()


@pytest.mark.parametrize(("loss", "falls"), [(0.9, True), (1.0, False), (1.1, False)])
def test_a_falling_loss_does_not_change_the_trend(loss: float, falls: bool) -> None:
    assessment = assess_trend(metrics(FLAT, loss=loss), simple_config())
    assert assessment.trend == Trend.flat
    assert ("although the loss is still falling" in assessment.to_text()) == falls


@pytest.mark.parametrize(
    ("decay", "rate", "trend"),
    [
        ("cosine", 1.9e-3, Trend.awaiting_decay),
        ("cosine", 0.6e-3, Trend.awaiting_decay),
        ("cosine", 0.3e-3, Trend.flat),
        ("constant", 2e-3, Trend.flat),
    ],
)
def test_the_decay_of_the_learning_rate_is_awaited(decay: str, rate: float, trend: Trend) -> None:
    config = simple_config(steps=90000, optimizer={"lr_schedule": decay, "learning_rate": 2e-3})
    assessment = assess_trend(metrics(FLAT, rate=rate), config)
    assert assessment.trend == trend
    assert ("decays until step 90000" in assessment.to_text()) == (trend == Trend.awaiting_decay)


@pytest.mark.parametrize(
    ("key", "trend"),
    [
        ("optimizer.learning_rate", Trend.insufficient_data),
        ("steps", Trend.insufficient_data),
        ("log_every", Trend.flat),
    ],
)
def test_a_change_of_a_learning_setting_restarts_the_assessment(key: str, trend: Trend) -> None:
    change = {"event": "setting_changed", "setting": key, "old": 1, "new": 2}
    rows = [*metrics(FLAT), {"step": 17000, **change}]
    assessment = assess_trend(rows, simple_config())
    assert assessment.trend == trend
    assert ("3 evaluations since the settings were changed" in assessment.to_text()) == (
        trend == Trend.insufficient_data
    )


def test_advice_holds_until_the_trend_changes() -> None:
    event = {"step": 20000, "event": "trend", "trend": "flat", "advice": "more footage"}
    assert current_advice([*metrics(FLAT), event], simple_config()) == "more footage"
    risen = metrics(np.concatenate([FLAT, 54 + 2.0 * np.arange(1, 9)]))
    assert current_advice([*risen, event], simple_config()).startswith("more steps help")


GOOD = good_faces()
PEOPLE = {
    "no gaps": (
        GOOD, GOOD, (0.9, 0.9),
        "the review of the face sets finds no gaps: a larger network may",
    ),
    "no reconstructions": (GOOD, GOOD, None, "the review of the face sets finds no gaps"),
    "ben never looks left": (
        GOOD, [face for face in GOOD if face.yaw > -2], (0.9, 0.89),
        "more footage of ben will. Add footage in which ben turns to",
    ),
    "ben's mouth stays shut": (
        GOOD, changed(GOOD, mouth_open=0.1), (0.9, 0.9),
        "more footage of ben will. Add footage in which ben speaks",
    ),
    "ada is reconstructed worse": (
        GOOD, changed(GOOD, mouth_open=0.1), (0.7, 0.9),
        "more footage of ada will (its validation faces are reconstructed with an SSIM of 0.70, "
        "ben's with 0.90)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_the_footage_that_helps_is_named(tmp_path: Path, name: str) -> None:
    ada, ben, ssim, text = PEOPLE[name]
    # The run's names are used, not those of the face sets.
    sets = {
        "ada": write_faceset(tmp_path / "a", ada, "x"),
        "ben": write_faceset(tmp_path / "b", ben, "y"),
    }
    with without_networks():
        advice = advise_footage(sets, dict(zip(sets, ssim, strict=True)) if ssim else {})
    assert advice.startswith(text)


class _FixedScores:
    """Replaces the evaluator: returns the scores in order, the same in both directions."""

    count = 4

    def __init__(self, scores: list[float]):
        self._scores = iter(scores)

    def evaluate(self, model: object) -> Iterator[EvaluationResult]:
        score = next(self._scores)
        yield from (Reconstruction("ada", 0.9), Reconstruction("ben", 0.7))
        yield from (
            SwapEvaluation(a, b, score, 0.5, 0.5, 0.5, 0.5, 1.0, faces=4)
            for a, b in (("ada", "ben"), ("ben", "ada"))
        )


def train_with_scores(
    folder: Path,
    facesets: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    scores: list[float],
    **changes: object,
) -> tuple[Run, list[Progress]]:
    evaluator = _FixedScores(scores)
    monkeypatch.setattr(evaluation_callbacks, "Evaluator", lambda run: evaluator)
    settings = {
        "evaluate_every": 1,
        "checkpoint_every": 100,
        "optimizer": {"lr_schedule": "constant"},
        **changes,
    }
    run = simple_run(folder, facesets, **settings)
    reports: list[Progress] = []
    with without_networks():
        train(run, reports.append)
    return run, reports


@pytest.mark.parametrize("stop", [pytest.param(False, marks=pytest.mark.exhaustive), True])
def test_a_plateau_is_reported_once_and_can_end_the_run(
    tmp_path: Path, facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch, stop: bool
) -> None:
    scores = [20.0, *[30.0] * 8]
    run, reports = train_with_scores(
        tmp_path / "run", facesets, monkeypatch, scores, steps=9, stop_on_plateau=stop
    )
    advised = [progress for progress in reports if isinstance(progress, TrendChanged)]
    assert (
        len(advised) == len([row for row in metrics_rows(run) if row.get("event") == "trend"]) == 1
    )
    assert "more steps will not help: score 30.0 since step 2" in advised[0].note
    assert "more footage of ben will" in advised[0].note
    ended = advised[0].done if stop else 9
    assert ended < 9 or not stop
    assert has_checkpoint(run, ended)
    assert metrics_rows(run)[-1]["step"] == ended or not stop
    page = (run.directory / "report.html").read_text()
    assert "More steps will not help: score 30.0 since step 2" in page
    # A resumed run does nothing until the setting is changed.
    assert has_stopped_on_plateau(run) == stop
    summary = train(run)
    assert summary.steps_completed == 0
    text = summary_text(run, summary)
    assert ("had already stopped at step" in text) == stop
    assert ("is already trained, all 9 steps" in text) == (not stop)
    assert "more footage of ben will" in text
    if stop:
        resumed = run.with_settings(change_config(run.settings, ["stop_on_plateau=false"]), ended)
        assert train(resumed).step == 9


def test_a_run_that_got_worse_names_the_best_checkpoint(
    tmp_path: Path, facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [20.0, 30.0, 40.0, 30.0, 20.0, 10.0]
    run, reports = train_with_scores(
        tmp_path / "run", facesets, monkeypatch, scores, steps=6, checkpoint_every=1
    )
    note = next(progress.note for progress in reports if isinstance(progress, TrendChanged))
    assert "more steps do harm: score 20.0, down from 40.0 at step 3" in note
    assert "(the checkpoint of step 3 is kept)" in note
    assert has_checkpoint(run, 3)
