"""What a still shows: the swap, the original, their difference, or the mask."""

from collections.abc import Sequence
from enum import StrEnum

import cv2
import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.image_io import encode_picture
from faceloom.swap.pipeline.face_blending import BlendedFace
from faceloom.swap.preview.contact_sheet import tint_mask

# JPEG quality, 0 to 100, of stills: blending is judged at 100 % zoom.
_JPEG_QUALITY = 92
# Factor that makes small differences visible.
_DIFFERENCE_GAIN = 4


class StillView(StrEnum):
    """What a still shows."""

    SWAP = "swap"
    """The swapped frame."""
    ORIGINAL = "original"
    """The frame before the swap."""
    DIFFERENCE = "difference"
    """The absolute difference of both, four times as large."""
    MASK = "mask"
    """The frame before the swap; where faces are pasted it is tinted green."""


def draw_view(view: StillView, original: Rgb, swapped: Rgb, faces: Sequence[BlendedFace]) -> Rgb:
    """Draw a view of a swapped frame.

    Args:
        view: What to show.
        original: The frame with square pixels before the swap, [height, width, 3].
        swapped: The same after the swap.
        faces: The pasted faces.

    Returns:
        A picture of the same size.
    """
    if view is StillView.ORIGINAL:
        return original
    if view is StillView.DIFFERENCE:
        difference = cv2.convertScaleAbs(cv2.absdiff(swapped, original), alpha=_DIFFERENCE_GAIN)
        return np.asarray(difference, np.uint8)
    if view is StillView.MASK:
        return _tinted(original, faces)
    return swapped


def encode_jpeg(picture: Rgb) -> bytes:
    """Return a picture as a JPEG file.

    Args:
        picture: 8-bit RGB.
    """
    return encode_picture(picture, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))


def _tinted(picture: Rgb, faces: Sequence[BlendedFace]) -> Rgb:
    tinted = picture.copy()
    height, width = picture.shape[:2]
    for face in faces:
        mask = _mask_in_picture(face, width, height)
        left, top, columns, rows = cv2.boundingRect(mask)
        part = np.s_[top : top + rows, left : left + columns]
        tinted[part] = tint_mask(tinted[part], mask[part])
    return tinted


def _mask_in_picture(face: BlendedFace, width: int, height: int) -> Mask:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    to_crop = face.swapped.aligned.crop.square_to_crop
    return np.asarray(cv2.warpAffine(face.mask, to_crop, (width, height), flags=flags), np.uint8)
