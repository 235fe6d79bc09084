"""The panel of a run shows what a person wants to know, on any terminal; elsewhere there are lines."""

import io
import logging
from pathlib import Path

import pytest
from rich.console import Console
from tests.helpers.runs import tiny_config

from faceloom.progress import Progress
from faceloom_train.evaluation.evaluator import Reconstruction, SwapEvaluation
from faceloom_train.reporting import progress_display as display
from faceloom_train.reporting.dashboard import Dashboard
from faceloom_train.reporting.events import (
    CheckpointSaved,
    EvaluationCompleted,
    PreviewWritten,
    StepCompleted,
    TrendChanged,
)
from faceloom_train.reporting.progress_display import training_display
from faceloom_train.reporting.sparkline import Sparkline
from faceloom_train.runs.run_directory import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    settings = tiny_config(steps=2000, evaluate_every=500)
    return Run.create(tmp_path / "run", {"ada": tmp_path / "a", "ben": tmp_path / "b"}, settings)


def stepped(number: int, loss: float = 0.5, skipped: int = 0) -> StepCompleted:
    values = {"dssim": 0.1234, "loss": loss}
    return StepCompleted(
        "train",
        number,
        2000,
        "loss",
        values=values,
        rate=3e-4,
        faces_per_second=96.4,
        seconds_left=3723,
        skipped=skipped,
    )


def judged(step: int, score: float, identity: float | None = 0.71) -> EvaluationCompleted:
    evaluation = SwapEvaluation("ada", "ben", score, identity, 0.62, 0.53, 0.84, 1.0)
    return EvaluationCompleted(
        "evaluate", 2, 2, "said", step=step, judgments=(Reconstruction("ada", 0.91), evaluation)
    )


def drawn(panel: Dashboard, width: int = 140, height: int = 50, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, height=height, legacy_windows=False)
    console.print(panel)
    file.seek(0)
    return file.read()


def test_the_panel_shows_what_it_was_told(run: Run) -> None:
    clock = iter(range(100))
    panel = Dashboard(run, lambda: float(next(clock)))
    assert "getting ready" in drawn(panel)
    panel(Progress("memory", 1, 1, "about 2.0 GB"))
    assert "compiling the first step; memory: about 2.0 GB" in drawn(panel)
    for number in range(1, 12):
        panel(stepped(number, loss=12 / number))
    text = drawn(panel)
    for said in (
        "11 of 2,000 steps",
        "96 faces/s",
        "1:02:03 left",
        "1.0909",
        "0.1234",
        "3.00e-04",
        "█",
        "none yet",
    ):
        assert said in text
    assert "first judged at step 500" in text
    assert text.index("loss") < text.index("dssim")
    panel(CheckpointSaved("checkpoint", 500, 2000))
    panel(PreviewWritten("preview", 500, 2000, sheet=run.preview_path(500)))
    panel(Progress("evaluate", 1, 2))
    assert "judging the held-out faces (1 of 2)" in drawn(panel)
    panel(judged(500, 53.9))
    panel(judged(1000, 55.1))
    text = drawn(panel, width=300)
    for said in (
        "step 500",
        "step 1,000",
        "ada as ben",
        "55.1 +1.2",
        "0.71",
        "0.62",
        "0.53",
        "0.84",
        "ada 0.91",
    ):
        assert said in text
    assert "judging" not in text
    assert "step-00000500.png" in text.replace("\n", "")
    panel(judged(1500, 0.0, identity=None))
    assert "no face" in drawn(panel)


def test_warnings_and_advice_stay(run: Run) -> None:
    panel = Dashboard(run)
    panel.warn("At step 7 it went wrong")
    panel(stepped(8, skipped=1))
    assert "A step was no number and skipped, last at step 8." in drawn(panel)
    panel(stepped(9, skipped=2))
    panel(stepped(10, loss=float("nan"), skipped=2))
    panel(TrendChanged("plateau", 10, 2000, "more steps will not help"))
    text = drawn(panel)
    assert text.count("skipped") == 1
    for said in (
        "2 steps were no number and skipped, last at step 9.",
        "At step 7 it went wrong",
        "will not help",
    ):
        assert said in text
    for number in range(4):
        panel.warn(f"warning {number}")
    assert "At step 7" not in drawn(panel)
    assert "warning 0" in drawn(panel)


@pytest.mark.parametrize("width", [40, 79, 100, 140])
@pytest.mark.parametrize("height", [20, 50])
def test_the_panel_fits_the_terminal(run: Run, width: int, height: int) -> None:
    panel = Dashboard(run)
    panel(stepped(5))
    panel(judged(500, 53.9))
    lines = drawn(panel, width, height).splitlines()
    # What the terminal echoes behind the last line must not wrap.
    assert max(map(len, lines)) <= min(width - 4, 130)
    assert ("dssim" in "".join(lines)) == (height == 50)


def test_a_terminal_without_blocks_has_no_trails(run: Run) -> None:
    clock = iter(range(100))
    panel = Dashboard(run, lambda: float(next(clock)))
    for number in range(1, 12):
        panel(stepped(number))
    assert "0.1234" in drawn(panel, encoding="ascii")


def test_a_continued_run_shows_what_it_knew(run: Run) -> None:
    for step, score in ((500, 50.0), (1000, 52.0), (1500, 51.0)):
        for one in judged(step, score).judgments:
            run.log_metrics({"step": step, **one.to_row()})
    run.log_metrics({"step": 1500, "plateau": "flat", "said": "more steps will not help: x"})
    text = drawn(Dashboard(run))
    for said in ("step 1,500", "51.0 -1.0", "more steps will not help: x"):
        assert said in text


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([], ""),
        ([1.0], ""),
        ([1.0, 1.0, 1.0], "▅▅▅"),
        ([1.0, 10.0, 100.0], "▁▅█"),
        ([0.0, 1.0, 2.0], "▁▅█"),
        ([1.0, float("nan"), 10.0, float("inf"), 100.0], "▁▅█"),
        ([float(n) for n in range(1, 401)], None),
    ],
)
def test_a_trail_shows_the_last_minutes(values: list[float], shown: str | None) -> None:
    seconds = [0.0]
    trail = Sparkline(lambda: seconds[0])
    for value in values:
        seconds[0] += 1.0
        trail.add(value)
    if shown is not None:
        assert trail.draw(10) == shown
    else:
        assert trail.draw(10) == "".join(sorted(trail.draw(10)))
        assert len(trail.draw(10)) == 10
        # Five minutes and no more.
        assert len(trail.draw(1000)) == 301


def test_many_values_of_a_second_are_one() -> None:
    seconds = [0.0]
    trail = Sparkline(lambda: seconds[0])
    for number in range(40):
        seconds[0] += 0.25
        trail.add(1.0 + number // 20)
    assert trail.draw(100) == "▁▁▁▁▁█████"


def test_elsewhere_there_are_lines(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with training_display(run) as report:
        for progress in (
            stepped(1), CheckpointSaved("checkpoint", 1, 2000), PreviewWritten("preview", 1, 2000), Progress("evaluate", 0, 2),
            judged(1, 5.0), TrendChanged("plateau", 1, 2000, "more steps help"), stepped(2000),
        ):  # fmt: skip
            report(progress)
    assert capfd.readouterr().err.splitlines() == [
        "train: 1/2000  loss", "evaluate: 2/2  said", "plateau: 1/2000  more steps help", "train: 2000/2000  loss",
    ]  # fmt: skip


def test_on_a_terminal_warnings_go_into_the_panel(
    run: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = io.StringIO()
    monkeypatch.setattr(
        display,
        "Console",
        lambda stderr: Console(file=file, force_terminal=True, width=120, height=40),
    )
    logger = logging.getLogger("faceloom_train")
    before = list(logger.handlers)
    with training_display(run) as report:
        report(stepped(1))
        logging.getLogger("faceloom_train.loop.recovery").warning("Out of %s", "memory")
    assert "Out of memory" in file.getvalue()
    assert logger.handlers == before
    assert "Out of memory" not in capfd.readouterr().err
