"""The newest score of a run in words."""

from pathlib import Path

import pytest
from tests.helpers.runs import tiny_config

from faceloom.compare import Grade
from faceloom_train.evaluation.run_score import newest_score
from faceloom_train.loop.summary import result_text
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture
def run(tmp_path: Path) -> Run:
    faces = {name: tmp_path / name for name in ("ada", "cy", "ben")}
    return Run.create(tmp_path / "run", faces, tiny_config(steps=100, evaluate_every=50))


def _log(run: Run, step: int, swap: str, score: float, identity: float | None = 0.8) -> None:
    run.log_metrics(
        {
            "step": step,
            "swap": swap,
            "score": score,
            "identity": identity,
            "expression": 0.1,
            "sharpness": 0.7,
        }
    )


def test_a_run_without_evaluations_has_no_score(run: Run) -> None:
    assert newest_score(run, "ben") is None
    text = result_text(run)
    assert "No score yet" in text
    assert text.endswith(f"faceloom export {run.directory} --identity ben --out ben.bundle")


@pytest.mark.parametrize(("step", "advice"), [(50, "more steps help"), (100, "train longer; if")])
def test_the_newest_score_is_the_mean_over_targets(run: Run, step: int, advice: str) -> None:
    _log(run, 1, "ada as ben", 90)
    _log(run, step, "ada as ben", 10)
    _log(run, step, "cy as ben", 12, identity=None)
    _log(run, step, "ben as ada", 70)
    found = newest_score(run, "ben")
    assert found is not None
    assert (found[0], found[1].score, found[1].grade) == (step, 11, Grade.poor)
    assert (
        f"Score of ben's face at step {step}: 11.0 of 100, poor: the face moves little; {advice}"
        in result_text(run)
    )
