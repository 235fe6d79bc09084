"""Paste a predicted face into its frame."""

from collections.abc import Iterator
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import UInt8

from faceloom.array_types import Affine, Mask, Picture, Points, Rgb, float32
from faceloom.faces.alignment import affine_scale, apply_affine, invert_affine, scale_affine
from faceloom.swap.compositing.remaining_skin import Tint
from faceloom.video import Box

# Premultiplied RGB and the mask as the fourth channel, 0..255.
Premultiplied: TypeAlias = UInt8[np.ndarray, "_ _ 4"]

# Side, in pixels, up to which a crop is enlarged with cubic interpolation; the rest of the way is
# bilinear. Cubic interpolation of the whole region costs three times as much and looks the same.
_CUBIC_SIDE = 512
# Rows of the frame that are blended at once: they stay in the CPU's cache, which halves the time
# at 4K.
_BAND_ROWS = 128
# A coordinate outside every picture.
_OUTSIDE = -1e6


def paste(picture: Rgb, swapped: Rgb, mask: Mask, frame_to_crop: Affine) -> Box | None:
    """Blend a predicted face into a picture, in place.

    Only the region that the mask covers is read and written.

    Args:
        picture: The frame, [height, width, 3].
        swapped: The predicted face, [size, size, 3].
        mask: Its weight, [size, size].
        frame_to_crop: The map from pixels of the frame to pixels of the crop.

    Returns:
        The changed region as left, top, right, bottom; None if it is outside the picture.
    """
    crop = _premultiply(swapped, mask)
    factor = round(affine_scale(frame_to_crop))
    if factor > 1:
        # A face smaller than its crop is averaged first; sampling it would alias.
        side = swapped.shape[0]
        size = round(side / factor)
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
        frame_to_crop = scale_affine(frame_to_crop, size / side)
    left, top, right, bottom = _region(picture, crop[..., 3], frame_to_crop)
    if left >= right or top >= bottom:
        return None
    frame_scale = np.ceil(1 / affine_scale(frame_to_crop))
    enlargement = int(np.clip(frame_scale, 2, max(2, _CUBIC_SIDE // len(crop))))
    large = cv2.resize(crop, None, fx=enlargement, fy=enlargement, interpolation=cv2.INTER_CUBIC)
    frame_to_large = scale_affine(frame_to_crop, enlargement)
    for band, first in _bands(picture, (left, top, right, bottom)):
        _blend(large, frame_to_large, band, left, first)
    return left, top, right, bottom


def apply_tint(picture: Rgb, tint: Tint, frame_to_crop: Affine) -> Box | None:
    """Change the colors of a picture, in place.

    Only the region that the weight covers is read and written.

    Args:
        picture: The frame, [height, width, 3].
        tint: The change of color.
        frame_to_crop: The map from pixels of the frame to pixels of the crop.

    Returns:
        The changed region as left, top, right, bottom; None if it is outside the picture.
    """
    left, top, right, bottom = _region(picture, tint.weight, frame_to_crop)
    if left >= right or top >= bottom:
        return None
    for band, first in _bands(picture, (left, top, right, bottom)):
        weight = _warp(tint.weight, frame_to_crop, band, left, first)
        gray = cv2.cvtColor(band, cv2.COLOR_RGB2GRAY)
        shade = cv2.convertScaleAbs(gray, alpha=255 / max(tint.luma, 1))
        weight = cv2.multiply(weight, shade, scale=1 / 255)
        for channel, added in enumerate(map(float, tint.added)):
            levels = cv2.convertScaleAbs(weight, alpha=added / 255)
            add = cv2.add if added > 0 else cv2.subtract
            band[..., channel] = add(cv2.extractChannel(band, channel), levels)
    return left, top, right, bottom


def _premultiply(swapped: Rgb, mask: Mask) -> Premultiplied:
    """Multiply a face by its mask, so that both are warped together, in bytes.

    T. Porter and T. Duff, "Compositing digital images", SIGGRAPH 1984: premultiplied colors can be
    resampled.
    """
    weights = cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB)
    return np.dstack([cv2.multiply(swapped, weights, scale=1 / 255), mask])


def _blend(crop: Premultiplied, frame_to_crop: Affine, part: Rgb, left: int, top: int) -> None:
    """Blend a crop over the part of a picture that starts at `left` and `top`, in place."""
    # OpenCV warps four channels in less than half the time of three.
    warped = _warp(crop, frame_to_crop, part, left, top)
    transparency = cv2.bitwise_not(cv2.extractChannel(warped, 3))
    background = cv2.multiply(part, cv2.cvtColor(transparency, cv2.COLOR_GRAY2RGB), scale=1 / 255)
    part[:] = cv2.add(background, cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB))


def _bands(picture: Rgb, box: Box) -> Iterator[tuple[Rgb, int]]:
    """Yield the rows of a part of a picture, `_BAND_ROWS` at once, with the first one's number."""
    left, top, right, bottom = box
    for first in range(top, bottom, _BAND_ROWS):
        yield picture[first : min(first + _BAND_ROWS, bottom), left:right], first


def _warp(
    crop: Picture, frame_to_crop: Affine, part: Rgb, left: int, top: int
) -> UInt8[np.ndarray, "..."]:
    """Warp a crop to the part of a picture that starts at `left` and `top`."""
    # The same map from pixels of the part. Warping only the part makes this fast.
    part_to_crop = frame_to_crop.copy()
    part_to_crop[:, 2] += frame_to_crop[:, :2] @ float32([left, top])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(crop, part_to_crop, part.shape[1::-1], flags=flags), np.uint8)


def _region(picture: Rgb, mask: Mask, frame_to_crop: Affine) -> Box:
    """Return left, top, right and bottom of the mask in the picture, clipped to the picture."""
    corners = apply_affine(invert_affine(frame_to_crop), _corners(mask))
    left, top = np.floor(corners.min(0)).astype(int)
    right, bottom = np.ceil(corners.max(0)).astype(int) + 1
    height, width = picture.shape[:2]
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))


def _corners(mask: Mask) -> Points:
    """Return the corners of a mask's bounding rectangle, with one pixel for interpolation."""
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        # An empty mask gives a region of no pixels.
        return np.full((4, 2), _OUTSIDE, np.float32)
    right, bottom = left + width, top + height
    return float32([[left - 1, top - 1], [right, top - 1], [right, bottom], [left - 1, bottom]])
