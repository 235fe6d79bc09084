"""Folders that are made once and shared by all processes of a test run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from faceloom.output_lock import lock_output

# Seconds to wait for another process: longer than making any folder takes on a busy machine.
_WAIT = 500


def shared_folder(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """Return a folder that the first process to need it makes; the others wait for it.

    Args:
        factory: The factory of this process.
        name: The name of the folder.
        make: Creates and fills the folder.

    Returns:
        The folder; tests must not change it.
    """
    base = factory.getbasetemp()
    # With pytest-xdist each process has a folder popen-* in the base folder of the test run.
    folder = (base.parent if base.name.startswith("popen-") else base) / name
    complete = folder.with_name(f"{name}.complete")
    with lock_output(folder, _WAIT):
        if not complete.exists():
            # What a process that failed has left.
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            complete.touch()
    return folder
