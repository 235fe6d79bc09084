"""Flush files and folders to the disk."""

import os
from pathlib import Path

_IS_WINDOWS = os.name == "nt"


def flush_to_disk(path: Path) -> None:
    """Wait until a file's content is on the disk, so that a power failure does not lose it.

    Args:
        path: The file or folder. Windows cannot flush a folder; there nothing is done.

    Raises:
        OSError: The file cannot be opened, or the disk fails.
    """
    if _IS_WINDOWS and path.is_dir():
        return
    # Windows flushes only files that are open for writing.
    descriptor = os.open(path, os.O_RDWR if _IS_WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
