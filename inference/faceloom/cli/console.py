"""How a command talks: progress on standard error, one result at the end."""

import json as json_module
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from faceloom.errors import printable
from faceloom.json_documents import Strict
from faceloom.progress import Progress, ProgressCallback

# Seconds between lines where no bar can be drawn (a log file, CI).
_LINE_EVERY = 10.0


@contextmanager
def progress_display() -> Iterator[ProgressCallback]:
    """Yield what shows progress: bars on a terminal, now and then a line elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _bars(console) as bars:
            yield _BarReport(bars)
    else:
        yield _LineReport(console)


def print_result(summary: Any, sentence: str, *, json: bool, aside: bool = False) -> None:
    """Print a result: a sentence for people or, with `json`, the summary's fields as one JSON object.

    `aside`: standard output carries something else, so the sentence goes to standard error.
    """
    if json:
        plain = summary.model_dump(mode="json") if isinstance(summary, Strict) else asdict(summary)
        sys.stdout.write(json_module.dumps(plain, default=_to_plain) + "\n")
    Console(stderr=json or aside).print(
        printable(sentence), highlight=False, markup=False, soft_wrap=True
    )


def _to_plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, Strict) else str(value)


@contextmanager
def stops_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a question that becomes true at the first Ctrl-C, so that work can end well; a second one ends it."""
    asked = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stderr.write("\nStopping after this step; press Ctrl-C again to stop at once.\n")

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def silent_start() -> Iterator[None]:
    """Drop what native libraries print while they load: TensorFlow tells its options on descriptor 2."""
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _bars(console: Console) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )


class _BarReport:
    """A bar for each stage."""

    def __init__(self, bars: Bars):
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._bars.add_task(
                progress.stage, total=progress.total, note=""
            )
        # The container's count of frames is a guess: do not stand at 75 of 74.
        total = progress.total and max(progress.total, progress.done)
        self._bars.update(
            self._tasks[progress.stage], completed=progress.done, total=total, note=progress.note
        )


class _LineReport:
    """A line at the start of each stage, every few seconds, and at its end."""

    def __init__(self, console: Console):
        self._console = console
        self._stage = ""
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        ends = progress.done == progress.total
        if progress.stage == self._stage and now - self._last < _LINE_EVERY and not ends:
            return
        self._stage, self._last = progress.stage, now
        of = f"/{progress.total}" if progress.total else ""
        self._console.print(
            f"{progress.stage}: {progress.done}{of}  {progress.note}",
            highlight=False,
            soft_wrap=True,
        )
