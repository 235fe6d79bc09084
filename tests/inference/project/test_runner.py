"""Running a plan with commands that only pretend: order, resume, failures, deadline."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.inference.project.conftest import choices

from faceloom.errors import FaceloomError
from faceloom.progress import run_to_completion
from faceloom.project import (
    Project,
    SwapPlan,
    SwapProgress,
    SwapSettings,
    run_plan,
    runner,
    step_process,
)
from faceloom.project.plan import build_steps
from faceloom.project.project_file import PersonChoice, StepRecord, TrainingChoice
from faceloom.project.step_process import parse_progress

pytestmark = pytest.mark.process

# Each step's title, and a text that only its command has.
STEPS = {
    "extract ben": "--name ben",
    "extract ada": "--name ada",
    "review": "review ",
    "train": "train ",
    "export": "export ",
    "preview": "--preview",
    "convert": "--out out.mp4",
    "compare": "compare ",
}
ORDER = ["extract", "extract", "review", "train", "export", "convert", "convert", "compare"]


def run(plan: SwapPlan, stop_at: str | None = None) -> list[SwapProgress]:
    """Run a plan; close it at the first progress of a step."""
    project = Project.read(plan.settings.project)
    seen: list[SwapProgress] = []
    with project.lock():
        work = run_plan(plan, project)
        for progress in work:
            assert isinstance(progress, SwapProgress)
            seen.append(progress)
            running = [step.title for step in progress.steps if step.state == "running"]
            if stop_at and progress.done == 1 and running and running[0].startswith(stop_at):
                work.close()
                break
    return seen


def test_all_steps_run_once_and_are_kept(
    make_plan: Callable[..., SwapPlan], fake_commands: Callable[[], list[str]]
) -> None:
    seen = run(make_plan())
    assert [line.split()[0] for line in fake_commands()] == ORDER
    assert seen[-1].seconds_left == 0
    assert [step.state for step in seen[-1].steps] == ["done"] * 8
    assert seen[0].seconds_left > 30
    again = run(make_plan())
    assert [step.state for step in again[-1].steps] == ["kept"] * 8
    assert len(fake_commands()) == 8


def test_journals_that_a_stopped_extraction_left_are_removed(
    make_plan: Callable[..., SwapPlan], fake_commands: Callable[[], list[str]]
) -> None:
    plan = make_plan()
    run(plan)
    extracted = [step.artifact for step in plan.steps if step.arguments[0] == "extract"]
    for artifact in extracted:
        journal = artifact.with_name(f"{artifact.name}.work") / "clip"
        journal.mkdir(parents=True)
        (journal / "state.json").write_text("{}")
    run(make_plan())
    assert len(fake_commands()) == len(ORDER)
    assert [path for artifact in extracted for path in artifact.parent.glob("*.work")] == []


def test_a_complete_swap_says_so_and_what_trains_longer(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    settings: SwapSettings,
) -> None:
    plan, project = make_plan(choices(minutes=3.0)), Project.read(settings.project)
    with project.lock():
        first, again = (run_to_completion(run_plan(plan, project)) for _ in range(2))
    assert len(fake_commands()) == 8
    assert (first.nothing_new, again.nothing_new) == (False, True)
    assert first.longer_minutes > 3
    assert again.longer_minutes > 3


# What the others start and keep includes what these do.
EXHAUSTIVE = {"extract ada", "review", "export", "preview"}


@pytest.mark.parametrize(
    "title",
    [
        pytest.param(title, marks=[pytest.mark.exhaustive] if title in EXHAUSTIVE else [])
        for title in STEPS
    ],
)
def test_an_interrupted_plan_continues_at_the_step(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    settings: SwapSettings,
    title: str,
) -> None:
    text = STEPS[title]
    Path("wait.txt").write_text(text)
    started = time.monotonic()
    run(make_plan(), stop_at=title)
    assert time.monotonic() - started < 30
    interrupted = fake_commands()
    assert text in interrupted[-1]
    Path("wait.txt").unlink()
    project = Project.read(settings.project)
    with project.lock():
        summary = run_to_completion(run_plan(make_plan(), project))
    again = fake_commands()[len(interrupted) :]
    assert text in again[0]
    assert len(interrupted) + len(again) == 9
    assert (summary.frames, summary.swapped_frames, summary.steps) == (75, 70, 7)
    assert ("--resume" in again[0]) is (title == "convert")


@pytest.mark.parametrize(("command", "optional"), [("train", False), ("compare", True)])
def test_a_command_that_fails(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    command: str,
    optional: bool,
) -> None:
    Path("fail.txt").write_text(command)
    if optional:
        assert run(make_plan())[-1].steps[-1].state == "failed"
        return
    with pytest.raises(FaceloomError, match="it does not work") as caught:
        run(make_plan())
    assert caught.value.exit_code == 6
    assert fake_commands()[-1].startswith(command)


def test_the_training_ends_before_the_deadline(
    make_plan: Callable[..., SwapPlan], fake_commands: Callable[[], list[str]]
) -> None:
    plan = make_plan(choices(minutes=10.0, spent=120.0))
    later = sum(step.seconds for step in plan.steps[4:])
    run(plan)
    (train,) = [line for line in fake_commands() if line.startswith("train")]
    minutes = float(train.split()[train.split().index("--minutes") + 1])
    # Besides, 20 s for the start of the command and its end, more on a busy machine, and the time
    # of the commands before it.
    longest = 600 - 120 - later - 20
    assert longest - 120 < 60 * minutes < longest


@pytest.mark.parametrize(
    ("seconds", "options"),
    [(None, ()), (422.9, ("--minutes", "7.04")), (60.0, ("--minutes", "1.00"))],
)
def test_the_time_of_a_training_is_never_rounded_up(
    seconds: float | None, options: tuple[str, ...]
) -> None:
    assert runner.minutes_options(seconds) == options


def test_a_training_that_is_too_slow_continues_with_fewer_steps(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    settings: SwapSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "adapted_steps", lambda *_: 5)
    monkeypatch.setattr(runner, "least_steps", lambda *_: 3)
    Path("wait.txt").write_text("--steps 7")
    seen = run(make_plan(choices(minutes=10.0)))
    trained = [line for line in fake_commands() if line.startswith("train")]
    assert ["--steps 7" in line for line in trained] == [True, False]
    assert "--steps 5" in trained[1]
    assert seen[-1].steps[-1].state == "done"
    assert seen[-1].time_note.endswith("5 steps instead of 7 fit into --minutes.")
    kept = Project.read(settings.project).choices("key")
    assert kept is not None
    assert kept.training.steps == 5
    # Without a deadline the steps stay.
    Path("wait.txt").unlink()
    run(make_plan(choices()))
    assert "--steps 7" in [line for line in fake_commands() if line.startswith("train")][-1]


@pytest.mark.parametrize(
    ("spent", "commands"),
    [
        # No time is left before the first step.
        (595.0, [("--steps 300", False)]),
        # The deadline ends the training after 7 steps.
        (0.0, [("--steps 754", True), ("--steps 300", False)]),
    ],
)
def test_a_training_takes_its_least_steps(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    spent: float,
    commands: list[tuple[str, bool]],
) -> None:
    training = TrainingChoice(run="ben-ada-smoke", preset="smoke", steps=754, seconds=90)
    seen = run(make_plan(choices(minutes=10.0, spent=spent, training=training)))
    trained = [line for line in fake_commands() if line.startswith("train")]
    assert len(trained) == len(commands)
    for line, (steps, has_deadline) in zip(trained, commands, strict=True):
        assert steps in line
        assert ("--minutes" in line) == has_deadline
    assert "takes longer than --minutes 10" in seen[-1].time_note
    assert seen[-1].steps[-1].state == "done"


def test_a_training_that_continues_keeps_its_time(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    settings: SwapSettings,
) -> None:
    project = Project.read(settings.project)
    plan = make_plan(choices(minutes=10.0))
    train = plan.steps[3]
    project.record_step(train.artifact, StepRecord(key="other steps", before="", seconds=90.0))
    run(plan)
    record = Project.read(settings.project).step(train.artifact)
    assert record is not None
    assert record.seconds > 90
    (started,) = [line for line in fake_commands() if line.startswith("train")]
    # The command that makes the same from nothing has the time of both parts.
    left, whole = (
        float(text.split("--minutes ")[1].split()[0]) for text in (started, record.command)
    )
    assert whole == pytest.approx(left + 1.5, abs=0.02)


def test_a_log_that_cannot_be_written_stops_nothing(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    settings: SwapSettings,
) -> None:
    Path("fail.txt").write_text("compare")
    plan, project = make_plan(), Project.read(settings.project)
    (settings.project / "log.txt").mkdir(parents=True)
    summary = run_to_completion(run_plan(plan, project))
    assert any("it does not work" in note for note in summary.notes)
    assert sum("log.txt cannot be written" in note for note in summary.notes) == 1


@pytest.mark.timeout(60)
def test_a_command_that_closes_its_messages_first_is_followed_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import os, time; os.close(2); time.sleep(0.3); print('{}')"
    monkeypatch.setattr(step_process, "PROGRAM", (sys.executable, "-c", script))
    # Only the end of the output may wake it.
    monkeypatch.setattr(step_process, "_POLL_SECONDS", 1000)
    with step_process.StepProcess.start((), tmp_path / "log.txt", lambda: None) as child:
        assert list(child.progress()) == [None, None]
        assert child.output == ["{}\n"]


def test_a_report_of_an_earlier_swap_is_not_shown(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    settings: SwapSettings,
) -> None:
    Path("fail.txt").write_text("-out.")
    plan, project = make_plan(), Project.read(settings.project)
    settings.project.mkdir()
    for name in ("compare-out.html", "preview-out.png"):
        (settings.project / name).touch()
    summary = run_to_completion(run_plan(plan, project))
    assert (summary.picture, summary.report) == (None, None)


def test_the_commands_of_a_used_network_are_listed(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    settings: SwapSettings,
) -> None:
    project = Project.read(settings.project)
    made = choices(minutes=10.0)
    first = run_to_completion(run_plan(make_plan(made), project))
    words = [command.split()[1] for command in first.commands]
    assert words == ORDER
    assert "--minutes" in first.commands[3]
    project.record_choices("first", made)
    other = made.model_copy(
        update={"target": PersonChoice(name="clip2", every=1, faces=75), "trained_target": "ada"}
    )
    plan = SwapPlan(build_steps(settings, other, project), settings, other, "other")
    second = run_to_completion(run_plan(plan, project))
    assert sorted(second.commands) == sorted(first.commands)


def test_a_killed_swap_leaves_no_process_that_works_on(
    make_plan: Callable[..., SwapPlan],
    fake_commands: Callable[[], list[str]],
    settings: SwapSettings,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as orphan:
        project = Project.read(settings.project)
        project.record_child(orphan.pid)
        with Project.read(settings.project).lock():
            pass
        assert not psutil.pid_exists(orphan.pid)
    file = json.loads((settings.project / "project.json").read_text())
    assert file["child"] is None


def test_another_process_with_the_same_number_is_left_alone(settings: SwapSettings) -> None:
    project = Project.read(settings.project)
    project.record_child(os.getpid())
    path = settings.project / "project.json"
    file = json.loads(path.read_text())
    file["child"]["created"] -= 100
    path.write_text(json.dumps(file))
    with Project.read(settings.project).lock():
        pass


def test_two_processes_do_not_work_in_one_project(settings: SwapSettings) -> None:
    with (
        Project.read(settings.project).lock(),
        pytest.raises(FaceloomError, match="another"),
        Project.read(settings.project).lock(),
    ):
        pass


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ('{"stage": "train", "done": 3, "total": null, "note": "x"}\n', 3),
        ('{"stage": "train", "done": "much", "total": 1, "note": ""}', None),
        ('{"stage": ', None),
        ("faceloom: stopped.", None),
    ],
)
def test_progress_is_told_from_text(line: str, done: int | None) -> None:
    progress = parse_progress(line)
    assert (progress and progress.done) == done
