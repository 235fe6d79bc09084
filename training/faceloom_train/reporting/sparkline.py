"""A figure's last minutes as a line of blocks."""

import time
from collections import deque
from collections.abc import Callable

import numpy as np

_BLOCKS = "▁▂▃▄▅▆▇█"
# Seconds that are shown, and that are one value.
_SHOWN, _BIN = 300.0, 1.0


class Trail:
    """Takes values as they come; keeps their means of each second, for five minutes."""

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now = now
        self._bins: deque[tuple[float, float]] = deque()
        self._begun, self._sum, self._count = now(), 0.0, 0

    def add(self, value: float) -> None:
        """Take a value; one that is no number is left out."""
        now = self._now()
        if np.isfinite(value):
            self._sum, self._count = self._sum + value, self._count + 1
        if self._count and now - self._begun >= _BIN:
            self._bins.append((now, self._sum / self._count))
            self._begun, self._sum, self._count = now, 0.0, 0
        while self._bins and self._bins[0][0] < now - _SHOWN:
            self._bins.popleft()

    def draw(self, width: int) -> str:
        """Draw at most `width` blocks, the highest for the greatest value; nothing yet of fewer than two values."""
        values = np.array([value for _, value in tuple(self._bins)])
        if len(values) and values.min() > 0:
            # A loss falls by shares: drawn as it is, its first seconds would flatten all that comes after.
            values = np.log(values)
        if len(values) < 2:
            return ""
        means = np.array([part.mean() for part in np.array_split(values, min(width, len(values)))])
        spread = float(np.ptp(means))
        heights = (means - means.min()) / spread if spread else np.full(len(means), 0.5)
        return "".join(_BLOCKS[round(height * (len(_BLOCKS) - 1))] for height in heights)
