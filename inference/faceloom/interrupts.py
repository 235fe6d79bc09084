"""Ctrl-C that is never lost.

Python turns SIGINT into a KeyboardInterrupt wherever the main thread happens to be. Libraries can
swallow it there: a failed import that is taken for a missing package, a callback from C, a
finalizer, a bare `except`. So the signal is also recorded, and every progress report checks the
record. A swallowed interrupt thus ends the command at its next report, at a place where the
generators that do the work clean up.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class InterruptRecord:
    """Remembers that SIGINT arrived while it is installed as the handler."""

    def __init__(self) -> None:
        self.received = False
        """Whether SIGINT arrived."""

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Record the signal and raise KeyboardInterrupt.

        Args:
            number: The signal's number, as Python passes it to a handler.
            frame: The frame that the signal interrupted.

        Raises:
            KeyboardInterrupt: Always.
        """
        self.received = True
        signal.default_int_handler(number, frame)

    def check(self) -> None:
        """Raise KeyboardInterrupt if the signal arrived, even if a library swallowed it.

        Raises:
            KeyboardInterrupt: If SIGINT arrived.
        """
        if self.received:
            raise KeyboardInterrupt


@contextmanager
def recorded_interrupts() -> Iterator[InterruptRecord]:
    """Record SIGINT inside the block.

    A process that was started with SIGINT ignored keeps ignoring it.

    Yields:
        The record.
    """
    record, previous = InterruptRecord(), signal.getsignal(signal.SIGINT)
    report_unraisable = sys.unraisablehook

    def report_unless_interrupted(error: "sys.UnraisableHookArgs") -> None:
        # An interrupted import leaves half-made objects, whose finalizers fail.
        if not record.received:
            report_unraisable(error)

    if previous in (signal.default_int_handler, signal.SIG_DFL):
        signal.signal(signal.SIGINT, record.handle)
        sys.unraisablehook = report_unless_interrupted
    try:
        yield record
    finally:
        signal.signal(signal.SIGINT, previous)
        if not record.received:
            sys.unraisablehook = report_unraisable


def check_interrupt() -> None:
    """Raise KeyboardInterrupt if the installed `InterruptRecord` received SIGINT.

    Does nothing where no record is installed.

    Raises:
        KeyboardInterrupt: If SIGINT arrived.
    """
    handler = signal.getsignal(signal.SIGINT)
    owner = getattr(handler, "__self__", None)
    if isinstance(owner, InterruptRecord):
        owner.check()


@contextmanager
def graceful_stop(lost: str) -> Iterator[Callable[[], bool]]:
    """Let work end by itself at the first Ctrl-C; the second one raises KeyboardInterrupt.

    Args:
        lost: What the second Ctrl-C loses, such as "the steps since the last checkpoint".

    Yields:
        A function that returns whether Ctrl-C was pressed.
    """
    requested = False

    def request(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = True
        signal.signal(signal.SIGINT, previous)
        sys.stderr.write(
            f"\nStopping after this step; press Ctrl-C again to stop at once, which loses {lost}.\n"
        )

    previous = signal.signal(signal.SIGINT, request)
    try:
        yield lambda: requested
    finally:
        signal.signal(signal.SIGINT, previous)
