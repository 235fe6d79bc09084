"""Ctrl-C for child processes: sent to one, and held back while one starts."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def interrupt(process: "subprocess.Popen[Any]") -> None:
    """Send a child what Ctrl-C sends; Windows has no such signal for one process and ends it.

    Args:
        process: The child. One that has ended is left alone.
    """
    try:
        process.send_signal(signal.SIGINT)
    except ValueError:
        process.terminate()


@contextmanager
def blocked_interrupts() -> Iterator[None]:
    """Hold back SIGINT in the block; children that start there never receive it.

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
