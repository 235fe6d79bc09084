"""Bring a face's skin to another mean color; what is not skin moves less."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Weights, float32
from faceloom.color import Lab
from faceloom.swap.compositing.lightness_curve import LightnessCurve

# Smallest mean of L* to divide by.
_LEAST_LIGHTNESS = 1e-3


@dataclass(frozen=True, slots=True)
class SkinShift:
    """How the color of a skin changes."""

    lightness: LightnessCurve
    """How its lightness changes."""
    slope: Float32[np.ndarray, "2"]
    """What is added to a* and b* for each unit of L*, up to `limit`."""
    limit: float
    """L* from which the shift of chroma is the same."""

    @classmethod
    def to_mean(
        cls, skin: Float32[np.ndarray, "n 3"], mean: Float32[np.ndarray, "3"]
    ) -> "SkinShift":
        """Return what brings a skin to a mean.

        Pixels darker than the skin's mean get less of the chroma's shift, in proportion to their
        lightness: chroma is 0 in black. The full shift would turn the shadows of a dark face green
        on a light one.

        Args:
            skin: L*, a* and b* of its pixels.
            mean: The mean that it gets.
        """
        own = skin.mean(0)
        limit = max(float(own[0]), _LEAST_LIGHTNESS)
        # The whole shift on average.
        average = max(float(np.clip(skin[:, 0], 0, limit).mean()), _LEAST_LIGHTNESS)
        slope = float32((mean - own)[1:] / average)
        return cls(LightnessCurve.to_mean(skin[:, 0], float(mean[0])), slope, limit)

    def apply(self, face: Lab, features: tuple[Weights, LightnessCurve] | None = None) -> Lab:
        """Move a face's colors.

        Args:
            face: The face.
            features: How much each pixel is not skin, whose chroma stays, and how the lightness of
                these pixels changes; None: all of the face is skin.

        Returns:
            The moved face.
        """
        own, *chroma = cv2.split(face)
        moved = self.lightness.apply(own)
        shade = np.clip(own, 0, self.limit)
        if features is not None:
            weights, curve = features
            moved += weights * (curve.apply(own) - moved)
            shade *= 1 - weights
        shifted = [
            cv2.scaleAdd(shade, float(s), c) for s, c in zip(self.slope, chroma, strict=True)
        ]
        return float32(cv2.merge([moved, *shifted]))
