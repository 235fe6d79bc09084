"""Shift the lightness of a face; black stays black and white stays white."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32

# L* of white.
_WHITE = 100.0
# Smallest distance of the center from black and white, in L*, to divide by.
_LEAST_DISTANCE = 1.0
# Power with which the shift falls off toward the end that the shift comes from. A smaller one keeps
# more of the shadows of a dark face, which look like dirt on a pale one.
_START_POWER = 3.0
# The largest one toward the end that it goes to.
_END_POWER = 2.0


@dataclass(frozen=True, slots=True)
class LightnessCurve:
    """A map of L* that moves a center by a shift and keeps black and white.

    A constant shift would burn the highlights of a dark face that gets as light as a pale one, a
    gain would change its contrast.
    """

    center: float
    """L* that gets the whole shift, 0 to 100."""
    shift: float
    """What is added to it."""

    @classmethod
    def to_mean(cls, lightness: Float32[np.ndarray, "n"], mean: float) -> "LightnessCurve":
        """Return the curve around the mean of some pixels that brings it near another.

        Args:
            lightness: L* of the pixels.
            mean: The mean that they get.
        """
        center = float(np.clip(lightness.mean(), _LEAST_DISTANCE, _WHITE - _LEAST_DISTANCE))
        wanted = float(np.clip(mean, 0, _WHITE)) - float(lightness.mean())
        curve = cls(center, wanted)
        reached = float((curve.apply(lightness) - lightness).mean())
        return cls(center, wanted * wanted / reached) if abs(reached) > abs(wanted) / 2 else curve

    def apply(self, lightness: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
        """Map L*.

        Args:
            lightness: L*; values outside 0 to 100 are clipped.

        Returns:
            L* of 0 to 100; it never falls where the argument rises.
        """
        clipped = np.clip(lightness, 0, _WHITE)
        to_end = (clipped - self.center) * np.sign(self.shift) > 0
        end, start = self.center, _WHITE - self.center
        if self.shift > 0:
            end, start = start, end
        # A larger power would turn light into dark at that end.
        power = min(_END_POWER, end / max(abs(self.shift), _LEAST_DISTANCE))
        distance = np.abs(clipped - self.center) / np.where(to_end, end, start)
        falloff = distance ** np.where(to_end, power, _START_POWER)
        return float32(np.clip(clipped + self.shift * (1 - falloff), 0, _WHITE))
