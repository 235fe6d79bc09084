"""Show a running swap: one panel on a terminal, lines of text elsewhere."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from faceloom.cli.console import ProgressThrottle
from faceloom.errors import escape_unprintable
from faceloom.interrupts import check_interrupt
from faceloom.progress import Progress, ProgressCallback
from faceloom.project import SwapProgress
from faceloom.project.run_state import StepStatus

# Refreshes of the panel; the training uses the cores meanwhile.
_REFRESHES_PER_SECOND = 4
# Signs of a step's state.
_SIGNS = {"waiting": "·", "running": "▶", "done": "✓", "kept": "✓", "failed": "!"}
_STYLES = {"waiting": "dim", "running": "bold", "done": "green", "kept": "green", "failed": "red"}
# Longest result of a step in the panel, in characters.
_MAX_SENTENCE = 90


@contextmanager
def swap_display(title: str, *, json_lines: bool) -> Iterator[ProgressCallback]:
    """Show the progress of a swap on standard error.

    Args:
        title: What is done, for the panel's head.
        json_lines: Write a JSON object for each finished step on standard output.

    Yields:
        The function to call with each progress.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _LineDisplay(console, json_lines=json_lines)
        return
    panel = _PanelDisplay(title, json_lines=json_lines)
    with Live(panel, console=console, refresh_per_second=_REFRESHES_PER_SECOND) as live:
        panel.live = live
        yield panel


def say_stopping(title: str) -> None:
    """Say that a step is asked to stop, and what a second Ctrl-C loses.

    Args:
        title: The step.
    """
    Console(stderr=True).print(
        escape_unprintable(
            f"Stopping {title}: it saves what it has. Ctrl-C again stops at once, and what it has "
            "not saved is done again next time."
        ),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def format_duration(seconds: float) -> str:
    """Return a duration as minutes and seconds, or hours and minutes.

    Args:
        seconds: The duration.
    """
    whole = max(0, round(seconds))
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class _PanelDisplay:
    """Renders the last progress as one panel."""

    def __init__(self, title: str, *, json_lines: bool):
        self._title = title
        self._json_lines = json_lines
        self._last: Progress | None = None
        self.live: Live | None = None

    def __call__(self, progress: Progress) -> None:
        check_interrupt()
        self._last = progress
        if self._json_lines:
            _write_ended(progress)

    def __rich__(self) -> Panel:
        last = self._last
        if last is None:
            body: Group | Text = Text("looking at the footage")
        elif isinstance(last, SwapProgress):
            body = _plan_body(last)
        else:
            body = Text(f"{last.stage}: {last.done}/{last.total or '?'}")
        return Panel(body, title=escape_unprintable(self._title), title_align="left")


def _plan_body(progress: SwapProgress) -> Group:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for step in progress.steps:
        table.add_row(
            Text(f"{_SIGNS[step.state]} {step.title}", style=_STYLES[step.state]),
            format_duration(step.seconds) if step.seconds else "",
            Text(_note(step, progress), style="dim" if step.state != "running" else ""),
        )
    whole = Table.grid(padding=(0, 2))
    whole.add_row(
        ProgressBar(total=1.0, completed=progress.share, width=40),
        Text(_time_left(progress), style="bold"),
    )
    parts: list[Table | Text] = [table, Text(""), whole]
    if progress.time_note:
        parts.append(Text(escape_unprintable(progress.time_note), style="yellow"))
    if progress.picture:
        parts.append(Text(escape_unprintable(f"newest picture: {progress.picture}")))
    running = [step.command for step in progress.steps if step.state == "running"]
    if running:
        parts.append(Text(escape_unprintable(f"$ {running[0]}"), style="dim"))
    return Group(*parts)


def _note(step: StepStatus, progress: SwapProgress) -> str:
    if step.state == "running":
        total = f"/{progress.total}" if progress.total else ""
        counted = f"{progress.done}{total}" if progress.done else ""
        return escape_unprintable(f"{progress.stage} {counted} {progress.note}".strip())
    if step.state == "kept":
        return escape_unprintable(f"kept: {step.sentence}"[:_MAX_SENTENCE])
    return escape_unprintable(step.sentence[:_MAX_SENTENCE])


def _time_left(progress: SwapProgress) -> str:
    left = progress.seconds_left
    end = time.strftime("%H:%M", time.localtime(time.time() + left))
    return f"about {format_duration(left)} left (until {end})"


class _LineDisplay:
    """Prints each step's command, its result, and a line from time to time."""

    def __init__(self, console: Console, *, json_lines: bool):
        self._console = console
        self._json_lines = json_lines
        self._announced: set[str] = set()
        self._throttle = ProgressThrottle()
        self._picture = ""
        self._time_note = ""

    def __call__(self, progress: Progress) -> None:
        check_interrupt()
        if self._json_lines:
            _write_ended(progress)
        if isinstance(progress, SwapProgress):
            self._announce(progress)
        if not isinstance(progress, SwapProgress) or progress.ended_step is None:
            self._print_progress(progress)

    def _announce(self, progress: SwapProgress) -> None:
        for step in progress.steps:
            if step.state == "running" and step.command not in self._announced:
                self._announced.add(step.command)
                self._print(f"\n$ {step.command}")
        ended = progress.ended_step
        if ended is not None:
            (status,) = [step for step in progress.steps if step.command == ended["command"]]
            kept = " (kept)" if status.state == "kept" else ""
            self._print(f"{status.title}{kept}: {status.sentence or status.state}")
        if progress.time_note and progress.time_note != self._time_note:
            self._time_note = progress.time_note
            self._print(self._time_note)
        if progress.picture and str(progress.picture) != self._picture:
            self._picture = str(progress.picture)
            self._print(f"newest picture: {self._picture}")

    def _print_progress(self, progress: Progress) -> None:
        if not progress.done or not self._throttle.is_due(progress):
            return
        total = f"/{progress.total}" if progress.total else ""
        left = f"  {_time_left(progress)}" if isinstance(progress, SwapProgress) else ""
        self._print(f"{progress.stage}: {progress.done}{total}{left}")

    def _print(self, text: str) -> None:
        self._console.print(escape_unprintable(text), markup=False, highlight=False, soft_wrap=True)


def _write_ended(progress: Progress) -> None:
    """Write the step that has just ended as one JSON object on standard output."""
    if isinstance(progress, SwapProgress) and progress.ended_step is not None:
        sys.stdout.write(json.dumps(progress.ended_step, default=str) + "\n")
        sys.stdout.flush()
