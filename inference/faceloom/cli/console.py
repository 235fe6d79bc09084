"""Console output of a command: progress on standard error, one result at the end."""

import json as json_module
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBars

from faceloom.errors import escape_unprintable
from faceloom.interrupts import check_interrupt
from faceloom.json_documents import StrictModel
from faceloom.progress import PROGRESS_FORMAT_VARIABLE, Progress, ProgressCallback

# Seconds between progress lines if standard error is not a terminal (a log file, CI).
_LINE_INTERVAL = 10.0
# The same for progress as JSON.
_JSON_INTERVAL = 0.3
# File descriptor of standard error.
_STDERR = 2


@contextmanager
def progress_display() -> Iterator[ProgressCallback]:
    """Show progress: bars on a terminal, a line from time to time elsewhere.

    With the environment variable FACELOOM_PROGRESS=json it is one JSON object per line.

    Yields:
        The function to call with each `Progress`.
    """
    console = Console(stderr=True)
    if os.environ.get(PROGRESS_FORMAT_VARIABLE) == "json":
        yield _JsonReport()
    elif console.is_terminal:
        with _progress_bars(console) as bars:
            yield _BarReport(bars)
    else:
        yield _LineReport(console)


def print_result(summary: Any, sentence: str, *, json: bool, to_stderr: bool = False) -> None:
    """Print a command's result as a sentence and, with `json`, as one JSON object.

    Args:
        summary: A dataclass or `StrictModel`; its fields become the JSON object.
        sentence: The result for people.
        json: Print the JSON object on standard output and the sentence on standard error.
        to_stderr: Print the sentence on standard error, since the output itself is on standard
            output.
    """
    if json:
        if isinstance(summary, StrictModel):
            fields = summary.model_dump(mode="json")
        else:
            fields = asdict(summary)
        sys.stdout.write(json_module.dumps(fields, default=_to_json_value) + "\n")
    Console(stderr=json or to_stderr).print(
        escape_unprintable(sentence), highlight=False, markup=False, soft_wrap=True
    )


def _to_json_value(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, StrictModel) else str(value)


@contextmanager
def silence_stderr() -> Iterator[None]:
    """Discard what native libraries print on standard error while they load.

    TensorFlow prints its build options on file descriptor 2, which `contextlib.redirect_stderr`
    does not affect.

    Yields:
        Nothing.
    """
    saved = os.dup(_STDERR)
    try:
        with Path(os.devnull).open("wb") as null:
            os.dup2(null.fileno(), _STDERR)
        yield
    finally:
        os.dup2(saved, _STDERR)
        os.close(saved)


def _progress_bars(console: Console) -> ProgressBars:
    return ProgressBars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )


class _BarReport:
    """Shows a bar for each stage."""

    def __init__(self, bars: ProgressBars):
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        check_interrupt()
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._bars.add_task(
                progress.stage, total=progress.total, note=""
            )
        # The container's frame count is an estimate; never show 75 of 74.
        total = progress.total and max(progress.total, progress.done)
        self._bars.update(
            self._tasks[progress.stage], completed=progress.done, total=total, note=progress.note
        )


class ProgressThrottle:
    """Chooses the reports to show: the first and last of a stage, and one in an interval.

    A report with the counts of the last one that was shown is not shown.
    """

    def __init__(self, interval: float = _LINE_INTERVAL):
        """Set the interval.

        Args:
            interval: Seconds between two reports of a stage.
        """
        self._interval = interval
        self._shown: tuple[str, int, int | None] = ("", 0, None)
        self._last_time = 0.0

    def is_due(self, progress: Progress) -> bool:
        """Return whether to show a report; then the next interval starts.

        Args:
            progress: The report.
        """
        now = time.monotonic()
        counts = (progress.stage, progress.done, progress.total)
        recent = progress.stage == self._shown[0] and now - self._last_time < self._interval
        if counts == self._shown or (recent and progress.done != progress.total):
            return False
        self._shown, self._last_time = counts, now
        return True


class _LineReport:
    """Prints a line at the start and end of each stage, and every few seconds in between."""

    def __init__(self, console: Console):
        self._console = console
        self._throttle = ProgressThrottle()

    def __call__(self, progress: Progress) -> None:
        check_interrupt()
        if not self._throttle.is_due(progress):
            return
        total = f"/{progress.total}" if progress.total else ""
        self._console.print(
            f"{progress.stage}: {progress.done}{total}  {progress.note}",
            highlight=False,
            soft_wrap=True,
        )


class _JsonReport:
    """Writes progress for another program, at most a few lines a second."""

    def __init__(self) -> None:
        self._throttle = ProgressThrottle(_JSON_INTERVAL)

    def __call__(self, progress: Progress) -> None:
        check_interrupt()
        if not self._throttle.is_due(progress):
            return
        fields = {name: getattr(progress, name) for name in ("stage", "done", "total", "note")}
        # The program that reads may have ended: the error ends this command, too.
        sys.stderr.write(json_module.dumps(fields) + "\n")
        sys.stderr.flush()
