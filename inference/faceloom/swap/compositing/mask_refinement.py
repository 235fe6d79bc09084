"""Refine the mask that a predicted face is pasted with."""

import cv2
import numpy as np

from faceloom.array_types import Mask, float32, to_uint8
from faceloom.faces.mask import disk
from faceloom.swap.selection.track_state import TrackArrays

# Smallest weight of a new frame in the running mean of a track's masks.
_MIN_WEIGHT = 0.4
# Change in levels of 255 at which a pixel's new value replaces its running mean. At the edge of
# a passing hand a pixel changes by 255, at a resting edge by a few levels.
_FULL_WEIGHT_CHANGE = 96.0
# Side, in pixels, of the mask that is blurred; a larger one is shrunk to about this size.
_BLUR_SIDE = 128


def smooth_mask(mask: Mask, name: str, state: TrackArrays) -> Mask:
    """Return the running mean of a track's masks; a large change of a pixel is taken at once.

    Args:
        mask: The new frame's mask, in pixels of the track's crop.
        name: The running mean's name in the state.
        state: The track's running mean, which is updated.
    """
    current = float32(mask)
    before = state.get(name, current)
    if before.shape != current.shape:
        before = current
    change = current - before
    weight = np.clip(np.abs(change) / _FULL_WEIGHT_CHANGE, _MIN_WEIGHT, 1)
    state[name] = float32(before + weight * change)
    return to_uint8(state[name])


def close_gaps(mask: Mask, width: float) -> Mask:
    """Fill the holes and slits of a mask, by a morphological closing.

    Args:
        mask: The mask, [size, size].
        width: Up to which width gaps are filled, as a share of the crop's side.

    Returns:
        A mask of the same shape.
    """
    return np.asarray(
        cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disk(width * len(mask) / 2)), np.uint8
    )


def erode_and_feather(mask: Mask, erode: float, feather: float) -> Mask:
    """Shrink a mask and blur its edge.

    The result is 0 along the crop's border, so that no straight edge is visible in the frame.

    Args:
        mask: The mask, [size, size].
        erode: How far it shrinks, as a share of the crop's side.
        feather: Sigma of the blur, as a share of the crop's side.

    Returns:
        A mask of the same shape.
    """
    size = mask.shape[0]
    factor = max(1, size // _BLUR_SIDE)
    if factor > 1 and feather:
        # A blurred edge has no fine detail, so that it is computed on a smaller mask.
        side = size // factor
        small = cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA)
        blurred = erode_and_feather(small, erode, feather)
        large = cv2.resize(blurred, (size, size), interpolation=cv2.INTER_LINEAR)
        large[[0, -1], :] = large[:, [0, -1]] = 0
        return np.asarray(large, np.uint8)
    radius, sigma = round(erode * size), feather * size
    border = max(1, round(2 * sigma))
    result = np.zeros_like(mask)
    result[border:-border, border:-border] = mask[border:-border, border:-border]
    if radius:
        result = cv2.erode(result, disk(radius))
    if sigma:
        result = cv2.GaussianBlur(result, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    result[[0, -1], :] = result[:, [0, -1]] = 0
    return result
