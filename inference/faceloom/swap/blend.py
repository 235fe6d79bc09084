"""Put a swapped crop back into its picture."""

import cv2
import numpy as np

from faceloom.arrays import Affine, Mask, Rgb, float32
from faceloom.faces.align import apply_affine, inverse_affine, scaled_crop
from faceloom.video import Box


def soften(mask: Mask, erode: float, feather: float) -> Mask:
    """Shrink a mask and let its edge fade; `erode` and `feather` in shares of the crop's side.

    The result is 0 along the crop's border, so that no straight edge shows in the picture.
    """
    size = mask.shape[0]
    shrink, sigma = round(erode * size), feather * size
    rim = max(1, round(2 * sigma))
    framed = np.zeros_like(mask)
    framed[rim:-rim, rim:-rim] = mask[rim:-rim, rim:-rim]
    if shrink:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * shrink + 1, 2 * shrink + 1))
        framed = cv2.erode(framed, kernel)
    if sigma:
        framed = cv2.GaussianBlur(framed, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    framed[[0, -1], :] = framed[:, [0, -1]] = 0
    return framed


def paste(picture: Rgb, swapped: Rgb, mask: Mask, frame_to_crop: Affine) -> Box | None:
    """Blend a swapped crop into `picture`, in place, touching only the region that the crop covers.

    Returns that region, None if the crop lies outside the picture.
    """
    factor = round(float(np.hypot(*frame_to_crop[:, 0])))
    if factor > 1:
        # A face smaller than its crop is averaged first: sampled, its lines would shimmer.
        side = swapped.shape[0]
        size = round(side / factor)
        swapped, mask = (cv2.resize(p, (size, size), interpolation=cv2.INTER_AREA) for p in (swapped, mask))
        frame_to_crop = scaled_crop(frame_to_crop, size / side)
    left, top, right, bottom = _region(picture, swapped.shape[0], frame_to_crop)
    if left >= right or top >= bottom:
        return None
    region = picture[top:bottom, left:right]
    # The same map, from pixels of the region: warping to the region alone is what makes this fast.
    to_crop = frame_to_crop.copy()
    to_crop[:, 2] += frame_to_crop[:, :2] @ float32([left, top])
    region_wh = (right - left, bottom - top)
    face = cv2.warpAffine(
        swapped, to_crop, region_wh, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(mask, to_crop, region_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    weight = float32(alpha)[..., None] / 255
    region[:] = np.rint(region + (float32(face) - region) * weight)
    return left, top, right, bottom


def _region(picture: Rgb, size: int, frame_to_crop: Affine) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the crop's square in the picture, cut to the picture."""
    corners = float32([[0, 0], [size, 0], [size, size], [0, size]]) - float32(0.5)
    in_picture = apply_affine(inverse_affine(frame_to_crop), corners)
    left, top = np.floor(in_picture.min(0)).astype(int)
    right, bottom = np.ceil(in_picture.max(0)).astype(int) + 1
    height, width = picture.shape[:2]
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))
