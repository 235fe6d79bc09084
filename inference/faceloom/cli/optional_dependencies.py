"""Load what a command needs: say which install line is missing, and let Ctrl-C be Ctrl-C meanwhile."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from faceloom.errors import ProviderMissing


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Turn a missing package of an optional extra into one sentence with the install line."""
    try:
        with _heard_interrupt():
            yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("faceloom"):
            raise
        raise ProviderMissing(
            f"This needs the package {error.name}, which is not installed; run: pip install 'faceloom[{extra}]'"
        ) from error


@contextmanager
def _heard_interrupt() -> Iterator[None]:
    """Let Ctrl-C end what is loaded inside, whatever the packages make of it.

    Keras takes one that hits the import of a compiled package for that package's absence, others swallow it.
    """
    pressed = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    before = signal.getsignal(signal.SIGINT)
    # Whoever started the command with Ctrl-C ignored meant it.
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, remember)
    try:
        yield
    except Exception:
        if pressed:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
