"""Where a run's checkpoints are. Without Keras, which takes seconds to import."""

import re
from pathlib import Path

from faceloom_train.runs.run_directory import Run

# Digits of the largest step that a name can hold; names have at least eight.
MAX_DIGITS = 12
_NAME = re.compile(rf"step-[0-9]{{8,{MAX_DIGITS}}}")


def checkpoints_directory(run: Run) -> Path:
    """Return the folder of a run's checkpoints; it may not exist yet.

    Args:
        run: The run.
    """
    return run.directory / "checkpoints"


def checkpoint_path(run: Run, step: int) -> Path:
    """Return the folder of a checkpoint; it may not exist yet.

    Args:
        run: The run.
        step: The checkpoint's step.
    """
    return checkpoints_directory(run) / f"step-{step:08d}"


def checkpoint_step(path: Path) -> int:
    """Return the step of a checkpoint.

    Args:
        path: The checkpoint's folder.
    """
    return int(path.name.removeprefix("step-"))


def list_checkpoints(run: Run) -> list[Path]:
    """Return the checkpoints of a run, the oldest first.

    Args:
        run: The run.
    """
    found = checkpoints_directory(run).glob("step-*")
    return sorted(path for path in found if _NAME.fullmatch(path.name))
