"""The dashboard fits every terminal; without a terminal there are lines."""

import io
import logging
from pathlib import Path

import pytest
from rich.console import Console
from tests.helpers.runs import tiny_config

from faceloom.progress import Progress
from faceloom_train.evaluation.evaluator import Reconstruction, SwapEvaluation
from faceloom_train.reporting import progress_display
from faceloom_train.reporting.dashboard import Dashboard
from faceloom_train.reporting.events import (
    COMPILE_NOTE,
    CheckpointSaved,
    EvaluationCompleted,
    PreviewWritten,
    StepCompleted,
    StepMetrics,
    TrendChanged,
)
from faceloom_train.reporting.progress_display import training_display
from faceloom_train.reporting.sparkline import Sparkline
from faceloom_train.runs.run_directory import Run

pytestmark = pytest.mark.training


@pytest.fixture
def run(tmp_path: Path) -> Run:
    settings = tiny_config(steps=2000, evaluate_every=500)
    return Run.create(tmp_path / "run", {"ada": tmp_path / "a", "ben": tmp_path / "b"}, settings)


def completed(step: int, loss: float = 0.5, skipped_steps: int = 0) -> StepCompleted:
    losses = {"dssim": 0.1234, "loss": loss}
    return StepCompleted(
        "train",
        step,
        2000,
        "loss",
        metrics=StepMetrics(step, losses, 3e-4, skipped=False, completed_at=0.0),
        faces_per_second=96.4,
        seconds_left=3723,
        skipped_steps=skipped_steps,
    )


def evaluated(step: int, score: float, identity: float | None = 0.71) -> EvaluationCompleted:
    evaluation = SwapEvaluation("ada", "ben", score, identity, 0.62, 0.53, 0.84, 1.0, faces=4)
    return EvaluationCompleted(
        "evaluate", 2, 2, "note", step=step, results=(Reconstruction("ada", 0.91), evaluation)
    )


def render(panel: Dashboard, width: int = 140, height: int = 50, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, height=height, legacy_windows=False)
    console.print(panel)
    file.seek(0)
    return file.read()


def test_the_dashboard_shows_the_state_of_the_run(run: Run) -> None:
    clock = iter(range(100))
    panel = Dashboard(run, lambda: float(next(clock)))
    assert "starting" in render(panel)
    panel(Progress("memory", 1, 1, "about 2.0 GB"))
    assert "building; memory: about 2.0 GB" in render(panel)
    panel(Progress("compile", 0, 1, COMPILE_NOTE))
    render(panel)
    assert "compiling the first step, usually 10 to 30 s" in (text := render(panel))
    assert "(2 s so far)" in text
    for number in range(1, 12):
        panel(completed(number, loss=12 / number))
    text = render(panel)
    for text_part in (
        "11 of 2,000 steps",
        "96 faces/s",
        "1:02:03 left",
        "1.0909",
        "0.1234",
        "3.00e-04",
        "█",
        "none yet",
    ):
        assert text_part in text
    assert "first evaluation at step 500" in text
    assert text.index("loss") < text.index("dssim")
    panel(CheckpointSaved("checkpoint", 500, 2000))
    panel(PreviewWritten("preview", 500, 2000, sheet=run.preview_path(500)))
    panel(Progress("evaluate", 1, 2))
    assert "evaluating the validation faces (1 of 2)" in render(panel)
    panel(evaluated(500, 53.9))
    panel(evaluated(1000, 55.1))
    text = render(panel, width=300)
    for text_part in (
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
        assert text_part in text
    assert "evaluating" not in text
    assert "step-00000500.png" in text.replace("\n", "")
    panel(evaluated(1500, 0.0, identity=None))
    assert "no face" in render(panel)


def test_warnings_and_advice_remain_visible(run: Run) -> None:
    panel = Dashboard(run)
    panel.warn("Training diverged at step 7")
    panel(completed(8, skipped_steps=1))
    assert "1 step was skipped because of non-finite gradients, the last at step 8." in render(
        panel
    )
    panel(completed(9, skipped_steps=2))
    panel(completed(10, loss=float("nan"), skipped_steps=2))
    panel(TrendChanged("plateau", 10, 2000, "more steps will not help"))
    text = render(panel)
    assert text.count("skipped") == 1
    for text_part in (
        "2 steps were skipped because of non-finite gradients, the last at step 9.",
        "Training diverged at step 7",
        "will not help",
    ):
        assert text_part in text
    for number in range(4):
        panel.warn(f"warning {number}")
    assert "diverged" not in render(panel)
    assert "warning 0" in render(panel)


@pytest.mark.parametrize("width", [40, 79, 100, 140])
@pytest.mark.parametrize("height", [20, 50])
def test_the_dashboard_fits_the_terminal(run: Run, width: int, height: int) -> None:
    panel = Dashboard(run)
    panel(completed(5))
    panel(evaluated(500, 53.9))
    lines = render(panel, width, height).splitlines()
    # The ^C that a terminal echoes after the last line must not wrap.
    assert max(map(len, lines)) <= min(width - 4, 130)
    assert ("dssim" in "".join(lines)) == (height == 50)


def test_a_terminal_without_block_characters_has_no_sparklines(run: Run) -> None:
    clock = iter(range(100))
    panel = Dashboard(run, lambda: float(next(clock)))
    for number in range(1, 12):
        panel(completed(number))
    assert "0.1234" in render(panel, encoding="ascii")


def test_a_resumed_run_shows_its_last_evaluation(run: Run) -> None:
    for step, score in ((500, 50.0), (1000, 52.0), (1500, 51.0)):
        for result in evaluated(step, score).results:
            run.log_metrics({"step": step, **result.to_row()})
    run.log_event("trend", 1500, trend="flat", advice="more steps will not help: x")
    text = render(Dashboard(run))
    for text_part in ("step 1,500", "51.0 -1.0", "more steps will not help: x"):
        assert text_part in text
    assert "too early" not in text


def test_an_early_evaluation_is_not_judged(run: Run) -> None:
    for result in evaluated(2, 53.0).results:
        run.log_metrics({"step": 2, **result.to_row()})
    assert "too early to judge: 2 steps, and 100 are needed" in render(Dashboard(run))


@pytest.mark.parametrize(
    ("values", "expected"),
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
def test_a_sparkline_shows_the_last_minutes(values: list[float], expected: str | None) -> None:
    seconds = [0.0]
    sparkline = Sparkline(lambda: seconds[0])
    for value in values:
        seconds[0] += 1.0
        sparkline.add(value)
    if expected is not None:
        assert sparkline.render(10) == expected
    else:
        assert sparkline.render(10) == "".join(sorted(sparkline.render(10)))
        assert len(sparkline.render(10)) == 10
        # At most five minutes, a value per second.
        assert len(sparkline.render(1000)) == 301


def test_the_values_of_one_second_are_averaged() -> None:
    seconds = [0.0]
    sparkline = Sparkline(lambda: seconds[0])
    for number in range(40):
        seconds[0] += 0.25
        sparkline.add(1.0 + number // 20)
    assert sparkline.render(100) == "▁▁▁▁▁█████"


def test_without_a_terminal_there_are_lines(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with training_display(run) as report:
        for progress in (
            completed(1),
            CheckpointSaved("checkpoint", 1, 2000),
            PreviewWritten("preview", 1, 2000),
            Progress("evaluate", 0, 2),
            evaluated(1, 5.0),
            TrendChanged("plateau", 1, 2000, "more steps help"),
            completed(2000),
        ):
            report(progress)
    assert capfd.readouterr().err.splitlines() == [
        "train: 1/2000  loss",
        "evaluate: 2/2  note",
        "plateau: 1/2000  more steps help",
        "train: 2000/2000  loss",
    ]


def test_on_a_terminal_warnings_appear_in_the_dashboard(
    run: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = io.StringIO()
    monkeypatch.setattr(
        progress_display,
        "Console",
        lambda stderr: Console(file=file, force_terminal=True, width=120, height=40),
    )
    logger = logging.getLogger("faceloom_train")
    before = list(logger.handlers)
    with training_display(run) as report:
        report(completed(1))
        logging.getLogger("faceloom_train.loop.recovery").warning("Out of %s", "memory")
    assert "Out of memory" in file.getvalue()
    assert logger.handlers == before
    assert "Out of memory" not in capfd.readouterr().err
