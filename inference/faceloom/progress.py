"""Progress reports of long work."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

# Environment variable that selects how commands report progress on standard error: "json" writes
# one object with stage, done, total and note per line, for programs that run commands.
PROGRESS_FORMAT_VARIABLE = "FACELOOM_PROGRESS"


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of one stage."""

    stage: str
    """Name of the stage."""
    done: int
    """Units (frames, steps) that are completed."""
    total: int | None = None
    """Units of the stage; None while it is unknown."""
    note: str = ""
    """Additional text."""


Result = TypeVar("Result")

# Long work yields its progress and returns its result; to stop it, stop iterating.
ProgressGenerator: TypeAlias = Generator[Progress, None, Result]

# Keras owns the training loop, so training reports to a callable instead.
ProgressCallback: TypeAlias = Callable[[Progress], None]


def run_to_completion(
    work: ProgressGenerator[Result], report: ProgressCallback = lambda _: None
) -> Result:
    """Run a progress generator to its end.

    Args:
        work: The generator. It is closed if `report` raises.
        report: Called with each report.

    Returns:
        The generator's result.
    """
    with closing(work):
        while True:
            try:
                progress = next(work)
            except StopIteration as end:
                result: Result = end.value
                return result
            report(progress)
