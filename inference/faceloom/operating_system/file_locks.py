"""File locks, which the operating system releases when their process ends."""

import os
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

# Offset of the byte that Windows locks: after the text, so that other processes can read that.
_LOCKED_BYTE = 2**30


def _module(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None


# flock(2), on Linux, macOS and the BSDs.
_fcntl: Any = _module("fcntl")
# The locks of Windows.
_msvcrt: Any = None if _fcntl else _module("msvcrt")


def open_lock_file(path: Path) -> int:
    """Open a lock's file to read and write, and create it if it is missing.

    Args:
        path: The file. A link is refused, except on Windows.

    Returns:
        The file descriptor, which child processes do not inherit.

    Raises:
        OSError: It cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, flags, 0o644)


def try_lock(descriptor: int) -> None:
    """Lock an open file without waiting; closing it releases the lock.

    Args:
        descriptor: The file's descriptor.

    Raises:
        BlockingIOError: Another process holds the lock.
        OSError: The file system has no locks.
    """
    if _fcntl is not None:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        return
    os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
    try:
        _msvcrt.locking(descriptor, _msvcrt.LK_NBLCK, 1)
    except PermissionError as error:
        raise BlockingIOError(*error.args) from error
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


def remove_lock_file(path: Path, descriptor: int) -> None:
    """Remove a locked file and release its lock.

    Args:
        path: The file.
        descriptor: Its descriptor, which is closed.
    """
    if _fcntl is not None:
        # Removed before the lock is released, so that a process which has opened the file notices.
        # A file that cannot be removed is reused, like that of a killed process.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)
        return
    # Windows removes no open file: if another process has opened it meanwhile, it stays.
    os.close(descriptor)
    with suppress(OSError):
        path.unlink(missing_ok=True)
