"""Color spaces, and how the colors of a face vary."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32, to_uint8

# L* 0..100, a* and b* about -127..127 (CIE 1976, D65).
Lab: TypeAlias = Float32[np.ndarray, "_ _ 3"]
# Levels of 255 in one unit of L*, which ranges from 0 to 100.
LEVELS_PER_LAB_UNIT = 2.55

# Smallest variance of L*, or of chroma, to divide by.
_LEAST_VARIANCE = 1e-6
# Share of the variance of chroma that lightness explains in natural faces: at most 0.47
# (five rendered people, eight speakers of GRID).
_NATURAL_SHARE = 0.55
# The same in toned footage: 0.86 under a blue filter.
_TONED_SHARE = 0.8


def to_lab(picture: Rgb) -> Lab:
    """Convert sRGB to CIE L*a*b*.

    Args:
        picture: 8-bit sRGB.

    Returns:
        L*, a* and b* of each pixel.
    """
    return float32(cv2.cvtColor(float32(picture) / 255, cv2.COLOR_RGB2LAB))


def from_lab(lab: Lab) -> Rgb:
    """Convert CIE L*a*b* to sRGB, clipped to its gamut.

    Args:
        lab: L*, a* and b* of each pixel.

    Returns:
        8-bit sRGB.
    """
    return to_uint8(cv2.cvtColor(float32(lab), cv2.COLOR_LAB2RGB) * 255)


def luma(picture: Rgb) -> Float32[np.ndarray, "h w"]:
    """Compute the luma with the weights of BT.601.

    Args:
        picture: 8-bit sRGB.

    Returns:
        Luma of each pixel, 0 to 1.
    """
    return float32(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) / 255


@dataclass(frozen=True, slots=True)
class ChromaSpread:
    """How the chroma of a face varies: a part that follows its lightness, and the rest."""

    mean: Float32[np.ndarray, "3"]
    """Mean L*, a* and b*."""
    slope: Float32[np.ndarray, "2"]
    """Least-squares change of a* and b* per unit of L*."""
    rest: float
    """Root mean square of the remaining chroma in units of a* and b*."""
    explained: float
    """Root mean square of the chroma that follows lightness."""

    @property
    def toned(self) -> float:
        """How far this is the chroma of toned footage, which follows lightness: 0 to 1."""
        squares = self.explained**2, self.rest**2
        share = squares[0] / max(sum(squares), _LEAST_VARIANCE)
        return float(np.clip((share - _NATURAL_SHARE) / (_TONED_SHARE - _NATURAL_SHARE), 0, 1))

    @classmethod
    def measure(cls, pixels: Float32[np.ndarray, "n 3"]) -> "ChromaSpread":
        """Measure a face.

        Args:
            pixels: L*, a* and b* of pixels inside the mask, at least one.
        """
        mean = pixels.mean(0)
        lightness, chroma = pixels[:, 0] - mean[0], pixels[:, 1:] - mean[1:]
        slope = lightness @ chroma / max(float(lightness @ lightness), _LEAST_VARIANCE)
        explained = lightness[:, None] * slope
        rest, following = (
            float(np.sqrt((part**2).sum(1).mean())) for part in (chroma - explained, explained)
        )
        return cls(float32(mean), float32(slope), rest, following)

    @classmethod
    def from_array(
        cls, mean: Float32[np.ndarray, "3"], values: Float32[np.ndarray, "4"]
    ) -> "ChromaSpread":
        """Return a spread from what `to_array` returned.

        Args:
            mean: Mean L*, a* and b*.
            values: The other fields.
        """
        return cls(float32(mean), float32(values[:2]), float(values[2]), float(values[3]))

    def to_array(self) -> Float32[np.ndarray, "4"]:
        """Return all fields but the mean, for a running mean."""
        return float32([*self.slope, self.rest, self.explained])
