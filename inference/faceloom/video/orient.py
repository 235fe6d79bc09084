"""Turn a coded picture upright and back, by the rotation of the display matrix."""

import numpy as np

from faceloom.arrays import Rgb


def upright(rgb: Rgb, rotation: int) -> Rgb:
    """Return the picture as a player shows it; `rotation` in degrees counter-clockwise."""
    return np.ascontiguousarray(np.rot90(rgb, rotation // 90))


def as_coded(rgb: Rgb, rotation: int) -> Rgb:
    """Undo `upright`."""
    return np.ascontiguousarray(np.rot90(rgb, -rotation // 90))
