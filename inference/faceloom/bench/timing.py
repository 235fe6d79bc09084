"""How long something takes."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Do it; return what it returns, and the seconds it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began
