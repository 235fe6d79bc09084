"""Flush files and folders to the disk."""

import os
from pathlib import Path

_IS_WINDOWS = os.name == "nt"


def flush_to_disk(path: Path) -> None:
    """Wait until a file's content is on the disk, where it survives a loss of power.

    Args:
        path: The file or folder. Windows opens no folder; there it is left to the file system.

    Raises:
        OSError: The file cannot be opened, or the disk fails.
    """
    if _IS_WINDOWS and path.is_dir():
        return
    # Windows flushes only what is open for writing.
    descriptor = os.open(path, os.O_RDWR if _IS_WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
