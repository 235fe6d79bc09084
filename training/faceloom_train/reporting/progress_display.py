"""What a person sees while a run trains: one live panel on a terminal, a plain line now and then elsewhere.

It is fed with progress alone (see `faceloom_train.reporting.events`) and with what the trainer logs as warnings.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from faceloom.cli.console import progress_display
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.reporting.dashboard import Panel
from faceloom_train.reporting.events import Drawn, Judged, Saved
from faceloom_train.runs.run_directory import Run

# A picture of the panel takes a few milliseconds, which the cores also need for training.
_PICTURES_A_SECOND = 3


@contextmanager
def training_display(run: Run) -> Iterator[ProgressCallback]:
    """Yield what shows a run's progress on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with progress_display() as report:
            yield _only_lines(report)
        return
    panel = Panel(run)
    handler = _ToPanel(panel)
    logger = logging.getLogger("faceloom_train")
    logger.addHandler(handler)
    try:
        with Live(panel, console=console, refresh_per_second=_PICTURES_A_SECOND):
            yield panel
    finally:
        logger.removeHandler(handler)


def _only_lines(report: ProgressCallback) -> ProgressCallback:
    """Leave out what is worth a place in a panel but not a line in a log."""

    def tell(progress: Progress) -> None:
        if isinstance(progress, (Saved, Drawn)) or (
            progress.stage == "evaluate" and not isinstance(progress, Judged)
        ):
            return
        report(progress)

    return tell


class _ToPanel(logging.Handler):
    """Keeps warnings in sight, where a line above the panel would scroll away."""

    def __init__(self, panel: Panel):
        super().__init__(logging.WARNING)
        self._panel = panel

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a warning on."""
        self._panel.warn(f"{time.strftime('%H:%M')}  {record.getMessage()}")
