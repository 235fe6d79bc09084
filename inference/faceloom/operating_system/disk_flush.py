"""Flush files and folders to the disk."""

import errno
import os
from contextlib import suppress
from pathlib import Path

_IS_WINDOWS = os.name == "nt"
# Errors with which a folder cannot be flushed; the last: it may not be read.
_FOLDER_ERRORS = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EACCES)


def flush_to_disk(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk.

    A power failure does not lose them then.

    Args:
        path: The file or folder. Windows and some file systems cannot flush a folder; there nothing
            is done.

    Raises:
        OSError: The file cannot be opened, or the disk fails.
    """
    is_folder = path.is_dir()
    if _IS_WINDOWS and is_folder:
        return
    try:
        _flush(path)
    except OSError as error:
        if not is_folder or error.errno not in _FOLDER_ERRORS:
            raise


def flush_names(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; ignore errors.

    Called when the files are complete: after an error, only a power failure can lose them.

    Args:
        folder: The folder.
    """
    with suppress(OSError):
        flush_to_disk(folder)


def _flush(path: Path) -> None:
    # Windows flushes only files that are open for writing.
    descriptor = os.open(path, os.O_RDWR if _IS_WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
