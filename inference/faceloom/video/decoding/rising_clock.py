"""Presentation times that rise: repeated ones are moved, as encoders and containers demand."""

import math
from dataclasses import dataclass
from fractions import Fraction

# Step in seconds after the previous frame: Matroska's unit, so that every container stores it.
_STEP_SECONDS = Fraction(1, 1000)


@dataclass(slots=True)
class RisingClock:
    """Gives each frame a time after the previous frame's."""

    time_base: Fraction
    """Unit of the times, in seconds."""

    last: int | None = None
    """Time of the previous frame."""

    moved: int = 0
    """Frames whose time was moved."""

    def next(self, pts: int) -> int:
        """Return the time of the next frame: its own, or one step after the previous one.

        Args:
            pts: The frame's stored time.
        """
        if self.last is not None and pts <= self.last:
            self.moved += 1
            pts = self.last + math.ceil(_STEP_SECONDS / self.time_base)
        self.last = pts
        return pts
