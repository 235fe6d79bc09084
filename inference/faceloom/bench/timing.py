"""Measure durations, and print them as a table."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Call a function and measure it.

    Args:
        work: The function.

    Returns:
        Its result, and the seconds that it took.
    """
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def stage_table(milliseconds: Mapping[str, float]) -> list[str]:
    """Return a table's lines.

    Args:
        milliseconds: Milliseconds per frame by the name of the stage.
    """
    return [
        f"{name:<32}{ms:>8.1f} ms/frame{1000 / ms:>8.0f} frames/s"
        for name, ms in milliseconds.items()
    ]
