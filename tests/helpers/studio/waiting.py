"""Wait for what a thread or a process of a studio does."""

import time
from collections.abc import Callable

# Seconds that a flush may take on a disk that other processes write to.
_BUSY_SECONDS = 60.0


def wait_until(condition: Callable[[], object], seconds: float = _BUSY_SECONDS) -> None:
    """Wait until a condition is true; fail if it is not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition stays false"
        time.sleep(0.02)
