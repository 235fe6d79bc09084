"""More steps are called useless when they are, and not before; what would help instead is named."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.facesets import changed, good_faces, write_faceset
from tests.helpers.runs import metrics_rows, tiny_config, tiny_run

from faceloom.progress import Progress
from faceloom_train.config import change_config
from faceloom_train.evaluation.evaluator import EvaluationResult, Reconstruction, SwapEvaluation
from faceloom_train.evaluation.footage_advice import advise_footage
from faceloom_train.evaluation.plateau import (
    Trend,
    assess_trend,
    current_advice,
    has_stopped_on_plateau,
)
from faceloom_train.loop import evaluation_callbacks as judging
from faceloom_train.loop.summary import summary_text
from faceloom_train.loop.trainer import train
from faceloom_train.reporting.events import TrendChanged
from faceloom_train.runs.checkpoint import has_checkpoint
from faceloom_train.runs.run_directory import Row, Run

DIRECTIONS = [("ada", "ben", 2.0), ("ben", "ada", -2.0)]
NOISE = np.random.default_rng(3).normal(0, 1, 60)
RISING = 60 * (1 - np.exp(-np.arange(1, 9) / 4))
FLAT = 54 * (1 - np.exp(-np.arange(1, 21) / 1.5))
OVERTRAINED = np.concatenate([FLAT, 54 - 0.5 * np.arange(1, 13)])


def metrics(scores: np.ndarray, rate: float = 1e-5, loss: float = 0.9) -> list[Row]:
    """The rows of a run that is judged every thousand steps; its loss is multiplied by `loss` between them."""
    told: list[Row] = []
    for number, score in enumerate(scores, 1):
        step = 1000 * number
        told.append({"step": step, "seconds": step, "loss": loss**number, "learning_rate": rate})
        told += [
            {"step": step, "judged": f"{a} as {b}", "score": score + d} for a, b, d in DIRECTIONS
        ]
    return told


CURVES = {
    "nothing": (
        [],
        Trend.insufficient_data,
        "0 evaluations: whether more steps help can be said after 6",
    ),
    "one": ([50.0], Trend.insufficient_data, "1 evaluation: "),
    "too short to say": (RISING[:5], Trend.insufficient_data, "5 evaluations"),
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
def test_what_is_to_be_expected_of_more_steps(name: str) -> None:
    scores, trend, said = CURVES[name]
    outlook = assess_trend(metrics(np.array(scores)), tiny_config())
    assert outlook.trend == trend
    assert outlook.is_over == (trend in (Trend.flat, Trend.falling))
    assert said in outlook.to_text()


@pytest.mark.parametrize(("loss", "falls"), [(0.9, True), (1.0, False), (1.1, False)])
def test_a_falling_loss_is_no_reason_to_go_on(loss: float, falls: bool) -> None:
    outlook = assess_trend(metrics(FLAT, loss=loss), tiny_config())
    assert outlook.trend == Trend.flat
    assert ("although the loss still falls" in outlook.to_text()) == falls


@pytest.mark.parametrize(
    ("decay", "rate", "trend"),
    [
        ("cosine", 1.9e-3, Trend.waiting),
        ("cosine", 0.6e-3, Trend.waiting),
        ("cosine", 0.3e-3, Trend.flat),
        ("constant", 2e-3, Trend.flat),
    ],
)
def test_a_rate_that_is_about_to_fall_is_waited_for(decay: str, rate: float, trend: Trend) -> None:
    config = tiny_config(steps=90000, optimizer={"decay": decay, "learning_rate": 2e-3})
    outlook = assess_trend(metrics(FLAT, rate=rate), config)
    assert outlook.trend == trend
    assert ("falls until step 90000" in outlook.to_text()) == (trend == Trend.waiting)


@pytest.mark.parametrize(
    ("key", "trend"),
    [
        ("optimizer.learning_rate", Trend.insufficient_data),
        ("steps", Trend.insufficient_data),
        ("log_every", Trend.flat),
    ],
)
def test_after_a_change_of_what_is_learned_it_is_too_early_to_say(key: str, trend: Trend) -> None:
    told = [*metrics(FLAT), {"step": 17000, "changed": key, "from": 1, "to": 2}]
    outlook = assess_trend(told, tiny_config())
    assert outlook.trend == trend
    assert ("3 evaluations since the settings were changed" in outlook.to_text()) == (
        trend == Trend.insufficient_data
    )


def test_what_was_advised_holds_until_the_score_moves() -> None:
    told = [*metrics(FLAT), {"step": 20000, "plateau": "flat", "said": "more footage"}]
    assert current_advice(told, tiny_config()) == "more footage"
    risen = metrics(np.concatenate([FLAT, 54 + 2.0 * np.arange(1, 9)]))
    assert current_advice([*risen, told[-1]], tiny_config()).startswith("more steps help")


GOOD = good_faces()
PEOPLE = {
    "nothing is missing": (GOOD, GOOD, (0.9, 0.9), "the face sets lack nothing that can be told: a larger network may"),
    "nothing is known": (GOOD, GOOD, None, "the face sets lack nothing"),
    "ben never looks left": (
        GOOD, [face for face in GOOD if face.yaw > -2], (0.9, 0.89),
        "more footage of ben will. Add footage in which ben turns to",
    ),
    "ben's mouth stays shut": (
        GOOD, changed(GOOD, mouth_open=0.1), (0.9, 0.9),
        "more footage of ben will. Add footage in which ben speaks",
    ),
    "ada is given back worse": (
        GOOD, changed(GOOD, mouth_open=0.1), (0.7, 0.9),
        "more footage of ada will (its held-out faces are given back with an SSIM of 0.70, ben's 0.90)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_the_footage_that_would_help_is_named(tmp_path: Path, name: str) -> None:
    ada, ben, redrawn, said = PEOPLE[name]
    # The run's names count, not those that the face sets were extracted under.
    sets = {
        "ada": write_faceset(tmp_path / "a", ada, "x"),
        "ben": write_faceset(tmp_path / "b", ben, "y"),
    }
    assert advise_footage(
        sets, dict(zip(sets, redrawn, strict=True)) if redrawn else {}
    ).startswith(said)


class _Judge:
    """Stands for the evaluator: gives the scores in their order, the same in both directions."""

    count = 4

    def __init__(self, scores: list[float]):
        self._scores = iter(scores)

    def evaluate(self, model: object) -> Iterator[EvaluationResult]:
        score = next(self._scores)
        yield from (Reconstruction("ada", 0.9), Reconstruction("ben", 0.7))
        yield from (
            SwapEvaluation(a, b, score, 0.5, 0.5, 0.5, 0.5, 1.0)
            for a, b in (("ada", "ben"), ("ben", "ada"))
        )


def judged_run(
    folder: Path,
    facesets: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    scores: list[float],
    **changes: object,
) -> tuple[Run, list[Progress]]:
    judge = _Judge(scores)
    monkeypatch.setattr(judging, "Evaluator", lambda run: judge)
    settings = {
        "evaluate_every": 1,
        "checkpoint_every": 100,
        "optimizer": {"decay": "constant"},
        **changes,
    }
    run = tiny_run(folder, facesets, **settings)
    told: list[Progress] = []
    train(run, told.append)
    return run, told


@pytest.mark.parametrize("stop", [False, True])
def test_a_plateau_is_told_once_and_ends_the_run_if_asked(
    tmp_path: Path, facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch, stop: bool
) -> None:
    scores = [20.0, *[30.0] * 8]
    run, told = judged_run(
        tmp_path / "run", facesets, monkeypatch, scores, steps=9, stop_on_plateau=stop
    )
    advised = [progress for progress in told if isinstance(progress, TrendChanged)]
    assert len(advised) == len([row for row in metrics_rows(run) if "plateau" in row]) == 1
    assert "more steps will not help: score 30.0 since step 2" in advised[0].note
    assert "more footage of ben will" in advised[0].note
    ended = advised[0].done if stop else 9
    assert ended < 9 or not stop
    assert has_checkpoint(run, ended)
    assert metrics_rows(run)[-1]["step"] == ended or not stop
    page = (run.directory / "report.html").read_text()
    assert "More steps will not help: score 30.0 since step 2" in page
    # Continued it does what it says: nothing, until it is told to.
    assert has_stopped_on_plateau(run) == stop
    summary = train(run)
    assert summary.steps_completed == 0
    said = summary_text(run, summary)
    assert ("had ended already at step" in said) == stop
    assert ("is trained already, all 9 steps" in said) == (not stop)
    assert "more footage of ben will" in said
    if stop:
        on = run.with_settings(change_config(run.settings, ["stop_on_plateau=false"]), ended)
        assert train(on).step == 9


def test_a_run_that_got_worse_names_the_best_checkpoint(
    tmp_path: Path, facesets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [20.0, 30.0, 40.0, 30.0, 20.0, 10.0]
    run, told = judged_run(
        tmp_path / "run", facesets, monkeypatch, scores, steps=6, checkpoint_every=1
    )
    said = next(progress.note for progress in told if isinstance(progress, TrendChanged))
    assert "more steps do harm: score 20.0, down from 40.0 at step 3" in said
    assert "(the checkpoint of step 3 is kept)" in said
    assert has_checkpoint(run, 3)
