"""Pixels that are not square: pictures are stretched, and maps account for the aspect."""

from fractions import Fraction

import cv2
import numpy as np

from faceloom.array_types import Affine, Picture, float32

# Ratio of a pixel's sides beyond which a file's statement is an error. Real ones are at most 2.
_MAX_RATIO = 4


def plausible_aspect(stated: Fraction | None) -> Fraction:
    """Return a pixel's width divided by its height; 1 if a file states none or an impossible one.

    Args:
        stated: What the file states; None or 0 if nothing.
    """
    if not stated or not Fraction(1, _MAX_RATIO) <= stated <= _MAX_RATIO:
        return Fraction(1)
    return stated


def square_pixel_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return a picture's size with square pixels; the shorter sides of its pixels are stretched.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        aspect: Width of a pixel divided by its height.
    """
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def to_square_pixels(picture: Picture, aspect: Fraction) -> Picture:
    """Stretch a picture to square pixels.

    Args:
        picture: The picture, [height, width] or [height, width, channels].
        aspect: Width of a pixel divided by its height; 1 returns the picture itself.
    """
    height, width = picture.shape[:2]
    size_wh = square_pixel_size(width, height, aspect)
    if size_wh == (width, height):
        return picture
    return np.asarray(cv2.resize(picture, size_wh, interpolation=cv2.INTER_CUBIC), picture.dtype)


def square_pixel_map(height: int, width: int, aspect: Fraction) -> Affine:
    """Return the map from a picture's pixels to those of `to_square_pixels`.

    Args:
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        aspect: Width of a pixel divided by its height.
    """
    wide, high = square_pixel_size(width, height, aspect)
    across, down = wide / width, high / height
    # The center of the first pixel is at 0, and its corner at -0.5.
    return float32([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])
