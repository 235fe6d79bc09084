"""Shift the lightness of a face; black stays black and white stays white."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32

# L* of white.
_WHITE = 100.0
# Least distance of a curve's center from black and white, in L*.
_LEAST_DISTANCE = 1.0
# Power with which the shift falls off toward the end that the shift comes from. A smaller one keeps
# more of the shadows of a dark face, which look like dirt on a pale one.
_START_POWER = 3.0
# The largest one toward the end that it goes to.
_END_POWER = 2.0
# Levels of L* that the curve is computed for, 0.05 apart: an eighth of what 8 bits of a gray
# picture distinguish. Powers of every pixel take ten times as long.
_LEVELS = np.linspace(0, _WHITE, 2001)


@dataclass(frozen=True, slots=True)
class LightnessCurve:
    """A map of L* that moves a center by a shift and keeps black and white.

    A constant shift would burn the highlights of a dark face that gets as light as a pale one, a
    gain would change its contrast.
    """

    center: float
    """L* that gets the whole shift, 1 to 99."""
    shift: float
    """What is added to it; the sum is 0 to 100."""

    @classmethod
    def between(cls, lightness: float, target: float) -> "LightnessCurve":
        """Return the curve that brings one L* to another.

        Args:
            lightness: Any L*; it is clipped to 1 to 99.
            target: The L* that it gets, clipped to 0 to 100.
        """
        center = float(np.clip(lightness, _LEAST_DISTANCE, _WHITE - _LEAST_DISTANCE))
        return cls(center, float(np.clip(target, 0, _WHITE)) - center)

    @classmethod
    def to_mean(cls, lightness: Float32[np.ndarray, "n"], mean: float) -> "LightnessCurve":
        """Return the curve around the mean of some pixels that brings it near another.

        Args:
            lightness: L* of the pixels.
            mean: The mean that they get.
        """
        curve = cls.between(float(lightness.mean()), mean)
        missing = mean - float(curve.apply(lightness).mean())
        return cls.between(curve.center, curve.center + curve.shift + missing)

    def apply(self, lightness: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
        """Map L*.

        Args:
            lightness: L*; values outside 0 to 100 are clipped.

        Returns:
            L* of 0 to 100; it never falls where the argument rises.
        """
        steps = (len(_LEVELS) - 1) / _WHITE
        indices = np.rint(np.clip(lightness, 0, _WHITE) * np.float32(steps)).astype(np.int32)
        return float32(_table(self.center, self.shift)[indices])


# A curve is applied to a face in two sizes.
@lru_cache(maxsize=4)
def _table(center: float, shift: float) -> Float32[np.ndarray, "_"]:
    """Return the map of `_LEVELS`."""
    to_end = (_LEVELS - center) * np.sign(shift) > 0
    end, start = center, _WHITE - center
    if shift > 0:
        end, start = start, end
    # A larger power would turn light into dark at that end.
    power = min(_END_POWER, end / max(abs(shift), _LEAST_DISTANCE))
    distance = np.abs(_LEVELS - center) / np.where(to_end, end, start)
    falloff = distance ** np.where(to_end, power, _START_POWER)
    return float32(np.clip(_LEVELS + shift * (1 - falloff), 0, _WHITE))
