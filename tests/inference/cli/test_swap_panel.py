"""What a running swap shows on a terminal, in a log and as JSON."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from faceloom.cli import swap_panel
from faceloom.progress import Progress
from faceloom.project import SwapProgress
from faceloom.project.run_state import StepStatus

STEPS = (
    StepStatus("extract ben", "faceloom extract ben.mp4", "kept", 4.0, "144 faces in 144 frames"),
    StepStatus("train smoke", "faceloom train --config smoke", "running", 65.0, ""),
    StepStatus("export", "faceloom export run", "waiting", 0.0, ""),
)
RUNNING = SwapProgress(
    "train", 240, 1000, "", steps=STEPS, seconds_left=200.0, share=0.25, picture=Path("p/240.png")
)
ENDED = SwapProgress(
    "extract ben", 1, 1, "", steps=STEPS, seconds_left=200.0,
    ended_step={"step": "extract ben", "command": "faceloom extract ben.mp4", "result": {}},
)  # fmt: skip


@pytest.mark.parametrize("terminal", [True, False])
def test_a_change_of_the_time_is_said_once(terminal: bool) -> None:
    written = io.StringIO()
    console = Console(file=written, width=120)
    progress = replace(RUNNING, time_note="It takes longer.")
    if terminal:
        panel = swap_panel._PanelDisplay("swap", json_lines=False)
        panel(progress)
        console.print(panel)
    else:
        show = swap_panel._LineDisplay(console, json_lines=False)
        show(progress)
        show(progress)
    assert written.getvalue().count("It takes longer.") == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0:00"), (59.6, "1:00"), (200, "3:20"), (3599, "59:59"), (7260, "2 h 01 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert swap_panel.format_duration(seconds) == text


def show(display: object, *progress: Progress, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a terminal, or a file, shows at the end."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=display == "terminal", width=100, color_system=None)
    monkeypatch.setattr(swap_panel, "Console", lambda **_: console)
    with swap_panel.swap_display("ben's face onto clip.mp4", json_lines=True) as report:
        for each in progress:
            report(each)
    return out.getvalue()


def test_the_panel_shows_steps_time_picture_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    text = show("terminal", ENDED, RUNNING, monkeypatch=monkeypatch)
    for part in (
        "ben's face onto clip.mp4", "✓ extract ben", "kept: 144 faces", "▶ train smoke", "1:05",
        "train 240/1000", "· export", "about 3:20 left", "newest picture: p/240.png",
        "$ faceloom train --config smoke",
    ):  # fmt: skip
        assert part in text


def test_a_log_shows_each_command_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = show("file", ENDED, RUNNING, RUNNING, monkeypatch=monkeypatch).splitlines()
    assert lines.count("$ faceloom train --config smoke") == 1
    assert "extract ben (kept): 144 faces in 144 frames" in lines
    assert lines.count("newest picture: p/240.png") == 1
    assert sum("about 3:20 left" in line for line in lines) == 1
    assert [json.loads(line)["step"] for line in capfd.readouterr().out.splitlines()] == [
        "extract ben"
    ]


def test_progress_is_json_for_a_program_that_runs_the_command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from faceloom.cli.console import progress_display

    monkeypatch.setenv("FACELOOM_PROGRESS", "json")
    with progress_display() as report:
        for done in (1, 2, 3):
            report(Progress("convert", done, 3, "x"))
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    # The second follows the first too soon.
    assert lines == [{"stage": "convert", "done": done, "total": 3, "note": "x"} for done in (1, 3)]
