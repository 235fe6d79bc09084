"""The newest score of a run in words."""

from pathlib import Path

import pytest
from tests.helpers.runs import simple_config

from faceloom.compare import Grade
from faceloom_train.evaluation.run_score import newest_score
from faceloom_train.loop.summary import result_text
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture
def run(tmp_path: Path) -> Run:
    faces = {name: tmp_path / name for name in ("ada", "cy", "ben")}
    return Run.create(tmp_path / "run", faces, simple_config(steps=200, evaluate_every=50))


def _log(
    run: Run, step: int, swap: str, score: float, identity: float | None = 0.8, faces: int = 4
) -> None:
    run.log_metrics(
        {
            "step": step,
            "swap": swap,
            "score": score,
            "identity": identity,
            "expression": 0.1,
            "sharpness": 0.7,
            "faces": faces,
        }
    )


def test_a_run_without_evaluations_has_no_score(run: Run) -> None:
    assert newest_score(run, "ben") is None
    text = result_text(run)
    assert "No score yet" in text
    assert text.endswith(f"faceloom export {run.directory} --identity ben --out ben.bundle")


@pytest.mark.parametrize(("step", "advice"), [(150, "more steps help"), (200, "train longer; if")])
def test_the_newest_score_is_the_mean_over_targets(run: Run, step: int, advice: str) -> None:
    _log(run, 1, "ada as ben", 90)
    _log(run, step, "ada as ben", 10)
    _log(run, step, "cy as ben", 12, identity=None)
    _log(run, step, "ben as ada", 70)
    found = newest_score(run, "ben")
    assert found is not None
    assert (found.step, found.words.score, found.words.grade) == (step, 11, Grade.poor)
    assert (
        f"Score of ben's face at step {step}: 11.0 of 100, poor: the face moves little; {advice}"
        in result_text(run)
    )


@pytest.mark.parametrize(
    ("step", "faces", "reason"),
    [
        (1, 4, "too early to judge: 1 step, and 100 are needed"),
        (99, 4, "too early to judge: 99 steps, and 100 are needed"),
        (100, 1, "too few faces to judge: 1 validation face, and 4 are needed"),
        (100, 3, "too few faces to judge: 3 validation faces, and 4 are needed"),
        (100, 4, ""),
    ],
)
def test_a_score_that_means_nothing_yet_is_not_put_into_words(
    run: Run, step: int, faces: int, reason: str
) -> None:
    _log(run, step, "ada as ben", 53)
    _log(run, step, "cy as ben", 53, faces=faces)
    score = newest_score(run, "ben")
    assert score is not None
    assert score.unjudged.startswith(reason)
    text = result_text(run)
    assert (f"at step {step}: {reason}" in text, "of 100" in text) == (True, not reason)
