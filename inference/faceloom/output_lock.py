"""Let one process at a time write an output.

The lock of OUT is the hidden file `.OUT.lock` beside it, held with flock(2), on Windows by a locked
byte. The operating system releases it when the process ends, however it ends; the file that a
killed process leaves is reused.
"""

import errno
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from faceloom.atomic import friendly_os_error, hidden_sibling
from faceloom.errors import UsageError, escape_unprintable
from faceloom.interrupts import check_interrupt
from faceloom.operating_system import open_lock_file, remove_lock_file, try_lock
from faceloom.progress import ProgressGenerator

_Result = TypeVar("_Result")

# Characters of the command line that a lock names.
_MAX_COMMAND = 200
# Bytes of a lock's text that are read.
_MAX_TEXT_BYTES = 4096
# Seconds between two attempts to take a lock.
_POLL_SECONDS = 0.05
# Errors of a file system that has no locks, such as some network file systems.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def lock_output(path: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock of an output inside the block.

    Args:
        path: The file or folder to write. Missing parent folders are created, and removed again if
            nothing was written.
        wait_seconds: How long to wait for another process.

    Yields:
        Nothing.

    Raises:
        UsageError: The output is locked already, by this or another process, or no lock can be
            created there.
        PartlyDone: The disk is full.
    """
    if not path.resolve().name:
        # The root has no name; the caller refuses it as an output.
        yield
        return
    lock = lock_path(path)
    created: list[Path] = []
    descriptor = -1
    try:
        try:
            created = _create_parents(lock)
            descriptor = _acquire(lock, path, wait_seconds)
        except OSError as error:
            raise friendly_os_error(error, path) from error
        yield
    finally:
        if descriptor >= 0:
            remove_lock_file(lock, descriptor)
        for folder in created:
            with suppress(OSError):
                folder.rmdir()


def while_locked(path: Path, work: ProgressGenerator[_Result]) -> ProgressGenerator[_Result]:
    """Do work while holding the lock of its output.

    Args:
        path: The file or folder to write.
        work: The work, which starts when the lock is held, so that its checks are valid.

    Yields:
        The work's progress.

    Returns:
        The work's result.

    Raises:
        UsageError: The output is locked already, by this or another process, or no lock can be
            created there.
        PartlyDone: The disk is full.
    """
    with lock_output(path):
        return (yield from work)


def lock_path(path: Path) -> Path:
    """Return the lock file of an output; it exists only while the output is written.

    Args:
        path: The file or folder. The lock of a folder whose parent is not writable, such as a mount
            point, is inside it.
    """
    path = path.resolve()
    if path.is_dir() and not os.access(path.parent, os.W_OK):
        return path / ".lock"
    return hidden_sibling(path, "lock")


def _create_parents(lock: Path) -> list[Path]:
    """Create the parent folders; return the new ones, the innermost first."""
    missing = [folder for folder in lock.parents if not folder.exists()]
    lock.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _acquire(lock: Path, path: Path, wait_seconds: float) -> int:
    """Take the lock and write who holds it; return its file descriptor."""
    deadline = time.monotonic() + wait_seconds
    while True:
        descriptor = open_lock_file(lock)
        try:
            try_lock(descriptor)
            if _is_current(descriptor, lock):
                os.truncate(descriptor, 0)
                os.write(descriptor, _describe_this_process())
                return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.lseek(descriptor, 0, os.SEEK_SET)
                holder = os.read(descriptor, _MAX_TEXT_BYTES).decode(errors="replace")
                os.close(descriptor)
                raise _held_error(path, holder) from None
            time.sleep(_POLL_SECONDS)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return descriptor
            os.close(descriptor)
            raise
        os.close(descriptor)
        check_interrupt()


def _is_current(descriptor: int, lock: Path) -> bool:
    """Return whether the file is still the one of that name: its holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock.stat())
    except FileNotFoundError:
        return False


def _describe_this_process() -> bytes:
    program = Path(sys.argv[0]).name if sys.argv else "python"
    program = "faceloom" if program == "__main__.py" else program
    command = shlex.join([program, *sys.argv[1:]])
    if len(command) > _MAX_COMMAND:
        command = command[:_MAX_COMMAND] + "..."
    return f"process {os.getpid()} on {socket.gethostname()} ({command})".encode(errors="replace")


def _held_error(path: Path, holder: str) -> UsageError:
    who = escape_unprintable(holder) or "another process"
    return UsageError(
        f"{path} is being written by {who}; wait until that ends, or choose another path."
    )
