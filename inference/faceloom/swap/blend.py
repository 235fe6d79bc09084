"""Put a swapped crop back into its picture."""

import cv2
import numpy as np

from faceloom.arrays import Affine, Mask, Points, Rgb, float32
from faceloom.faces.align import apply_affine, inverse_affine, scaled_crop

# A crop is enlarged by a cubic to at most so many times its side, and from there on bilinearly: a cubic over the whole
# region costs three times as much and looks the same.
_MOST_ENLARGED = 4
# The widest blur of an unsharp mask, in crop sides: what is softer than this is the light, not the skin.
_SHARPEN_SIGMA = 0.012


def paste(picture: Rgb, swapped: Rgb, mask: Mask, frame_to_crop: Affine) -> None:
    """Blend a swapped crop into `picture`, in place, touching only the region that the mask covers."""
    factor = round(float(np.hypot(*frame_to_crop[:, 0])))
    if factor > 1:
        # A face smaller than its crop is averaged first: sampled, its lines would shimmer.
        side = swapped.shape[0]
        size = round(side / factor)
        swapped, mask = (cv2.resize(p, (size, size), interpolation=cv2.INTER_AREA) for p in (swapped, mask))
        frame_to_crop = scaled_crop(frame_to_crop, size / side)
    left, top, right, bottom = _region(picture, mask, frame_to_crop)
    if left >= right or top >= bottom:
        return
    region = picture[top:bottom, left:right]
    # The same map, from pixels of the region: warping to the region alone is what makes this fast.
    to_crop = frame_to_crop.copy()
    to_crop[:, 2] += frame_to_crop[:, :2] @ float32([left, top])
    face = _enlarged(swapped, to_crop, region)
    weight = _warp(float32(mask) / 255, to_crop, region, cv2.BORDER_CONSTANT)
    region[:] = cv2.blendLinear(face, region, weight, 1 - weight)


def sharpen(face: Rgb, amount: float) -> Rgb:
    """Raise the finest detail of a crop by an unsharp mask; amount 0..1, where 1 doubles it."""
    if not amount:
        return face
    soft = cv2.GaussianBlur(face, (0, 0), max(_SHARPEN_SIGMA * face.shape[0], 0.8))
    return np.asarray(cv2.addWeighted(face, 1 + amount, soft, -amount, 0), np.uint8)


def _enlarged(swapped: Rgb, to_crop: Affine, region: Rgb) -> Rgb:
    """The face as it lies in the region."""
    times = int(np.clip(np.ceil(1 / np.hypot(*to_crop[:, 0])), 2, _MOST_ENLARGED))
    large = cv2.resize(swapped, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    return np.asarray(_warp(large, scaled_crop(to_crop, times), region, cv2.BORDER_REPLICATE), np.uint8)


def _warp(picture: np.ndarray, to_crop: Affine, region: Rgb, border: int) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, to_crop, region.shape[1::-1], flags=flags, borderMode=border))


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
