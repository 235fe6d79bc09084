"""Put a swapped crop back into its picture."""

from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import UInt8

from faceloom.array_types import Affine, Mask, Points, Rgb, float32
from faceloom.faces.alignment import apply_affine, inverse_affine, scaled_crop
from faceloom.video import Box

# A face times its mask, in the fourth channel, 0..255.
Weighted: TypeAlias = UInt8[np.ndarray, "_ _ 4"]

# A crop is enlarged by a cubic, at least to double and to at most so many pixels a side, from there on bilinearly: a
# cubic over the whole region costs three times as much and looks the same.
_ENLARGED = 512
# Rows that are laid at once: what they need stays in the cache, which halves the time at 4K.
_BAND = 128


def paste(picture: Rgb, swapped: Rgb, mask: Mask, frame_to_crop: Affine) -> Box | None:
    """Blend a swapped crop into `picture`, in place, touching only the region that the mask covers.

    Returns that region, None if it lies outside the picture.
    """
    weighted = _weighted(swapped, mask)
    factor = round(float(np.hypot(*frame_to_crop[:, 0])))
    if factor > 1:
        # A face smaller than its crop is averaged first: sampled, its lines would shimmer.
        side = swapped.shape[0]
        size = round(side / factor)
        weighted = cv2.resize(weighted, (size, size), interpolation=cv2.INTER_AREA)
        frame_to_crop = scaled_crop(frame_to_crop, size / side)
    left, top, right, bottom = _region(picture, weighted[..., 3], frame_to_crop)
    if left >= right or top >= bottom:
        return None
    times = int(
        np.clip(np.ceil(1 / np.hypot(*frame_to_crop[:, 0])), 2, max(2, _ENLARGED // len(weighted)))
    )
    large = cv2.resize(weighted, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    to_large = scaled_crop(frame_to_crop, times)
    for first in range(top, bottom, _BAND):
        _lay(large, to_large, picture[first : min(first + _BAND, bottom), left:right], left, first)
    return left, top, right, bottom


def _weighted(swapped: Rgb, mask: Mask) -> Weighted:
    """A face times its mask, and the mask: so they are laid on the picture together, in bytes and in one warp.

    T. Porter and T. Duff, "Compositing digital images", SIGGRAPH 1984: what is multiplied before can be resampled.
    """
    return np.dstack(
        [cv2.multiply(swapped, cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB), scale=1 / 255), mask]
    )


def _lay(weighted: Weighted, to_crop: Affine, part: Rgb, left: int, top: int) -> None:
    """Lay a weighted face over a part of the picture that begins at `left` and `top`, in place."""
    # The same map, from pixels of the part: warping to it alone is what makes this fast.
    from_part = to_crop.copy()
    from_part[:, 2] += to_crop[:, :2] @ float32([left, top])
    # Four channels are warped in less than half the time of three.
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(weighted, from_part, part.shape[1::-1], flags=flags)
    left_over = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(laid, 3)), cv2.COLOR_GRAY2RGB)
    under = cv2.multiply(part, left_over, scale=1 / 255)
    part[:] = cv2.add(under, cv2.cvtColor(laid, cv2.COLOR_RGBA2RGB))


def _region(picture: Rgb, mask: Mask, frame_to_crop: Affine) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in the picture of what the mask covers, cut to the picture."""
    in_picture = apply_affine(inverse_affine(frame_to_crop), _corners(mask))
    left, top = np.floor(in_picture.min(0)).astype(int)
    right, bottom = np.ceil(in_picture.max(0)).astype(int) + 1
    height, width = picture.shape[:2]
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


def _corners(mask: Mask) -> Points:
    """The corners of the rectangle that holds all of a mask; with room for the pixel that is faded to beside it."""
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        # Nothing is covered: a region of no pixels, outside any picture.
        return np.full((4, 2), -1e6, np.float32)
    right, bottom = left + width, top + height
    return float32([[left - 1, top - 1], [right, top - 1], [right, bottom], [left - 1, bottom]])
