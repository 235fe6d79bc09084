"""Show the progress of training: a live dashboard on a terminal, lines of text elsewhere."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from faceloom.cli.console import progress_display
from faceloom.progress import Progress, ProgressCallback
from faceloom_train.reporting.dashboard import Dashboard
from faceloom_train.reporting.events import CheckpointSaved, EvaluationCompleted, PreviewWritten
from faceloom_train.runs.run_directory import Run

# Refreshes of the dashboard; one takes a few milliseconds of a core that training also uses.
_REFRESHES_PER_SECOND = 3


@contextmanager
def training_display(run: Run) -> Iterator[ProgressCallback]:
    """Show the progress of a run on standard error.

    Args:
        run: The run.

    Yields:
        A function to call with the progress and the events of the run.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        with progress_display() as report:
            yield _without_minor_events(report)
        return
    dashboard = Dashboard(run)
    handler = _DashboardHandler(dashboard)
    logger = logging.getLogger("faceloom_train")
    logger.addHandler(handler)
    try:
        with Live(dashboard, console=console, refresh_per_second=_REFRESHES_PER_SECOND):
            yield dashboard
    finally:
        logger.removeHandler(handler)


def _without_minor_events(report: ProgressCallback) -> ProgressCallback:
    """Leave out events that a dashboard shows but that need no line in a log."""

    def filtered(progress: Progress) -> None:
        is_unfinished_evaluation = progress.stage == "evaluate" and not isinstance(
            progress, EvaluationCompleted
        )
        if is_unfinished_evaluation or isinstance(progress, (CheckpointSaved, PreviewWritten)):
            return
        report(progress)

    return filtered


class _DashboardHandler(logging.Handler):
    """Shows logged warnings on the dashboard, because lines above it would scroll away."""

    def __init__(self, dashboard: Dashboard):
        super().__init__(logging.WARNING)
        self._dashboard = dashboard

    def emit(self, record: logging.LogRecord) -> None:
        """Show a warning.

        Args:
            record: The warning.
        """
        self._dashboard.warn(f"{time.strftime('%H:%M')}  {record.getMessage()}")
