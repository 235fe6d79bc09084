"""Signals of child processes: send SIGINT, start children that ignore it, recognize SIGKILL."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Exit code of a child that SIGKILL ended, as Linux does when memory is full. Windows has no such
# signal.
KILLED = -9


def interrupt(process: "subprocess.Popen[Any]") -> None:
    """Send SIGINT to a child, as Ctrl-C does; on Windows, which cannot, end the child.

    Args:
        process: The child. One that has ended is left alone.
    """
    try:
        process.send_signal(signal.SIGINT)
    except ValueError:
        process.terminate()


@contextmanager
def blocked_interrupts() -> Iterator[None]:
    """Block SIGINT in the block; children that start there never receive it.

    Does nothing where signals cannot be blocked (Windows).
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    blocked = {signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
