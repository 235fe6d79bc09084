"""What a run's settings say; only the trainer reads them, so it must be installed."""

from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import FaceloomError
from faceloom.inspect import inspect_path
from faceloom.studio.runs.run_settings import RunSetting


@dataclass(frozen=True, slots=True)
class RunDescription:
    """The settings of a run that its page shows."""

    identities: tuple[str, ...] = ()
    """The people, in the order of their decoders; empty if they cannot be read."""
    size: int | None = None
    """Side of its crops in pixels."""
    saved_step: int = 0
    """The step of its newest checkpoint; 0 if it has none."""
    total_steps: int | None = None
    """Steps of the whole run; None if they cannot be read."""
    problem: str = ""
    """Why the settings cannot be read; empty if they can."""
    changeable: tuple[RunSetting, ...] = ()
    """The settings that may change when the run continues."""
    face_sets: tuple[tuple[str, Path], ...] = ()
    """The people and the absolute paths of their face sets."""
    checkpoints: tuple[int, ...] = ()
    """The steps of all checkpoints, the newest last."""


def describe_run(run: Path) -> RunDescription:
    """Describe a run.

    Args:
        run: Its folder.

    Returns:
        The description; with `problem` if the trainer is not installed or refuses the run.
    """
    try:
        details = inspect_path(run).details
    except FaceloomError as error:
        return RunDescription(problem=str(error))
    return RunDescription(
        tuple(details["identities"]),
        details["size"],
        details["step"],
        details["total_steps"],
        changeable=tuple(map(RunSetting.from_details, details["changeable_settings"])),
        face_sets=tuple((name, Path(path)) for name, path in details["faces"].items()),
        checkpoints=tuple(details["checkpoints"]),
    )
