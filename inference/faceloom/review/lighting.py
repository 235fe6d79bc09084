"""How a face is lit, and its color."""

from dataclasses import dataclass

import cv2
import numpy as np

from faceloom.array_types import Mask, Rgb, float32
from faceloom.color import to_lab

_SIDE = 64


@dataclass(frozen=True, slots=True)
class Light:
    """Of one face, in the picture's own left and right.

    across: how much brighter its right edge is than its left; down: its lower edge than its upper.
    Both as shares of its mean lightness, along the plane that fits its lightness best. lab: its mean color.
    """

    across: float
    down: float
    lab: tuple[float, float, float]


def measure_light(crop: Rgb, mask: Mask) -> Light:
    """Fit a plane to the lightness of a crop inside its mask. An empty mask has no light: all 0."""
    lab = to_lab(cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))
    inside = cv2.resize(mask, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) > 200
    if inside.sum() < 3:
        return Light(0.0, 0.0, (0.0, 0.0, 0.0))
    ys, xs = np.nonzero(inside)
    lightness = lab[ys, xs, 0]
    plane = float32(np.stack([xs, ys, np.ones_like(xs)], 1))
    slope_x, slope_y, _ = np.linalg.lstsq(plane, lightness, rcond=None)[0]
    mean = max(float(lightness.mean()), 1.0)
    level, a, b = lab[ys, xs].mean(0).tolist()
    return Light(
        float(slope_x * np.ptp(xs)) / mean, float(slope_y * np.ptp(ys)) / mean, (level, a, b)
    )
