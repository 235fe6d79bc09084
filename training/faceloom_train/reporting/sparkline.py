"""The recent history of a number as a line of block characters."""

import time
from collections import deque
from collections.abc import Callable

import numpy as np

# Block characters by height.
_BLOCKS = "▁▂▃▄▅▆▇█"
# Seconds of history.
_HISTORY_SECONDS = 300.0
# Seconds whose values are averaged into one.
_BIN_SECONDS = 1.0


class Sparkline:
    """Collects values; keeps the means of each second of the last five minutes."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        """Start without values.

        Args:
            now: Returns the time in seconds.
        """
        self._now = now
        self._bins: deque[tuple[float, float]] = deque()
        self._bin_start = now()
        self._sum = 0.0
        self._count = 0

    def add(self, value: float) -> None:
        """Add a value.

        Args:
            value: The value; ignored if it is not finite.
        """
        now = self._now()
        if np.isfinite(value):
            self._sum += value
            self._count += 1
        if self._count and now - self._bin_start >= _BIN_SECONDS:
            self._bins.append((now, self._sum / self._count))
            self._bin_start, self._sum, self._count = now, 0.0, 0
        while self._bins and self._bins[0][0] < now - _HISTORY_SECONDS:
            self._bins.popleft()

    def render(self, width: int) -> str:
        """Return the line; empty for fewer than two values.

        Args:
            width: Most characters.
        """
        # A copy, because the terminal's refresh thread renders while values are added.
        values = np.array([value for _, value in tuple(self._bins)])
        if len(values) and values.min() > 0:
            # A loss falls exponentially: on a linear scale its start would flatten the rest.
            values = np.log(values)
        if len(values) < 2:
            return ""
        means = np.array([part.mean() for part in np.array_split(values, min(width, len(values)))])
        spread = float(np.ptp(means))
        heights = (means - means.min()) / spread if spread else np.full(len(means), 0.5)
        return "".join(_BLOCKS[round(height * (len(_BLOCKS) - 1))] for height in heights)
