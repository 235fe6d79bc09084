"""Hide the seam: along its rim a swapped face takes on the target's colour, and less and less of it further in."""

import cv2
import numpy as np

from faceloom.arrays import Mask, Rgb, float32, to_levels

# Pixels a side that the correction is worked out in: it is smooth, and the seam's noise is averaged away.
_COARSE = 32
# How far in it reaches, as the spread of a blur in crop sides.
_REACH = 0.07


def level_rim(face: Rgb, target: Rgb, covered: Mask) -> Rgb:
    """Return the face with its colours led to the target's along the rim of what is covered.

    What differs there, blurred, is carried inward and fades: a coarse membrane as in P. Perez et al., "Poisson image
    editing", SIGGRAPH 2003, that leaves the middle of the face alone. A feather that hides the same step shows
    two jaws instead.
    """
    small, sigma = (_COARSE, _COARSE), _REACH * _COARSE
    inside = float32(covered) / 255
    weight = cv2.resize(inside, small, interpolation=cv2.INTER_AREA)
    change = (float32(target) - face) * inside[..., None]
    difference = cv2.resize(change, small, interpolation=cv2.INTER_AREA)
    # 1/2 on a straight rim, 1 deep inside.
    depth = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    outermost = np.clip(2 - 2 * depth, 0, 1)
    spread = cv2.GaussianBlur(difference * outermost[..., None], (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    amount = cv2.GaussianBlur(weight * outermost, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    field = spread / np.maximum(amount, 1e-3)[..., None] * outermost[..., None]
    return to_levels(face + cv2.resize(float32(field), face.shape[1::-1], interpolation=cv2.INTER_CUBIC))
