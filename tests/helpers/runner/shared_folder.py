"""Folders that are made once for all processes of a test run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from faceloom.output_lock import lock_output

# Longer than any of them takes to make on a busy machine, in seconds.
_WAIT = 500


def shared_folder(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """Return a folder that the first process which needs it makes, and the others wait for.

    Args:
        factory: Its base folder is that of this process.
        name: The name of the folder.
        make: Fills the folder, which does not exist yet.

    Returns:
        The folder, which no test may change.
    """
    base = factory.getbasetemp()
    # Of the base folder of the run, pytest-xdist gives each process a folder.
    folder = (base.parent if base.name.startswith("popen-") else base) / name
    complete = folder.with_name(f"{name}.complete")
    with lock_output(folder, _WAIT):
        if not complete.exists():
            make(folder)
            complete.touch()
    return folder
