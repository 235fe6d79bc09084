"""Color spaces."""

from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32, to_uint8

# L* 0..100, a* and b* about -127..127 (CIE 1976, D65).
Lab: TypeAlias = Float32[np.ndarray, "_ _ 3"]


def to_lab(picture: Rgb) -> Lab:
    """Convert sRGB to CIE L*a*b*.

    Args:
        picture: 8-bit sRGB.

    Returns:
        L*, a* and b* of each pixel.
    """
    return float32(cv2.cvtColor(float32(picture) / 255, cv2.COLOR_RGB2LAB))


def from_lab(lab: Lab) -> Rgb:
    """Convert CIE L*a*b* to sRGB, clipped to its gamut.

    Args:
        lab: L*, a* and b* of each pixel.

    Returns:
        8-bit sRGB.
    """
    return to_uint8(cv2.cvtColor(float32(lab), cv2.COLOR_LAB2RGB) * 255)


def luma(picture: Rgb) -> Float32[np.ndarray, "h w"]:
    """Compute the luma with the weights of BT.601.

    Args:
        picture: 8-bit sRGB.

    Returns:
        Luma of each pixel, 0 to 1.
    """
    return float32(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) / 255
