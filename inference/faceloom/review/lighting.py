"""Direction of a face's light, and its color."""

from dataclasses import dataclass

import cv2
import numpy as np

from faceloom.array_types import Mask, Rgb, float32
from faceloom.color import to_lab

# Pixels of the side that crops are reduced to: light changes slowly over a face.
_SIDE = 64
# Least value of a reduced mask, of 255, that counts as inside the face.
_INSIDE = 200
# Pixels that a plane needs.
_LEAST_PIXELS = 3


@dataclass(frozen=True, slots=True)
class Lighting:
    """How one face is lit. Left and right are those of the picture."""

    gradient_x: float
    """Lightness of the right edge minus that of the left, as a share of the mean lightness."""
    gradient_y: float
    """Lightness of the lower edge minus that of the upper, as a share of the mean lightness."""
    lab: tuple[float, float, float]
    """Mean color in CIE L*a*b*."""


def measure_lighting(crop: Rgb, mask: Mask) -> Lighting:
    """Fit a plane to the lightness of a face.

    Args:
        crop: Crop of the face.
        mask: Its mask, 255 inside the face.

    Returns:
        The lighting; all zeros for an empty mask.
    """
    lab = to_lab(cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))
    inside = cv2.resize(mask, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) > _INSIDE
    if inside.sum() < _LEAST_PIXELS:
        return Lighting(0.0, 0.0, (0.0, 0.0, 0.0))
    ys, xs = np.nonzero(inside)
    lightness = lab[ys, xs, 0]
    plane = float32(np.stack([xs, ys, np.ones_like(xs)], 1))
    slope_x, slope_y, _ = np.linalg.lstsq(plane, lightness, rcond=None)[0]
    mean = max(float(lightness.mean()), 1.0)
    level, a, b = lab[ys, xs].mean(0).tolist()
    return Lighting(
        float(slope_x * np.ptp(xs)) / mean, float(slope_y * np.ptp(ys)) / mean, (level, a, b)
    )
