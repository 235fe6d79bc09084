"""Settings and decisions of a swap without footage, and a program that stands for `faceloom`."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.helpers.fakes import faceloom_program

from faceloom.project import Project, SwapPlan, SwapSettings, step_process
from faceloom.project.plan import build_steps
from faceloom.project.project_file import PersonChoice, StepSeconds, SwapChoices, TrainingChoice


def choices(**changes: object) -> SwapChoices:
    """Decisions for a clip of 75 frames."""
    seconds = StepSeconds(
        extract_guest=4, extract_target=3, review=10, export=22, preview=3, convert=5, compare=7
    )
    return SwapChoices(
        guest=PersonChoice(name="ben", every=1, faces=100),
        target=PersonChoice(name="ada", every=1, faces=75),
        frames=75,
        training=TrainingChoice(run="ben-ada-smoke", preset="smoke", steps=7, seconds=30),
        minutes=None,
        seconds=seconds,
    ).model_copy(update=changes)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SwapSettings:
    """A swap of two empty files in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("ben.mp4", "clip.mp4"):
        Path(name).touch()
    return SwapSettings((Path("ben.mp4"),), Path("clip.mp4"), Path("out.mp4"), Path("project"))


@pytest.fixture
def make_plan(settings: SwapSettings) -> Callable[..., SwapPlan]:
    """Make the plan of some decisions."""

    def make(made: SwapChoices | None = None) -> SwapPlan:
        decided = made or choices()
        project = Project.read(settings.project)
        return SwapPlan(build_steps(settings, decided, project), settings, decided, "key")

    return make


@pytest.fixture
def fake_commands(
    settings: SwapSettings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """Replace the program; return a function that lists the commands started so far."""
    # Without the site module, which takes most of the time of so small a program.
    program = (sys.executable, "-S", faceloom_program.__file__)
    monkeypatch.setattr(step_process, "PROGRAM", program)

    def started() -> list[str]:
        path = Path("starts.txt")
        return path.read_text().splitlines() if path.exists() else []

    return started
