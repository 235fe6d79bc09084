"""Suppress a face's own detail, in which a weak pattern would disappear."""

from typing import NamedTuple

import cv2
import numpy as np

from faceloom.provenance.watermark.carriers import Grid

# Standard deviation of the low-pass filter whose result is subtracted, in pixels of the grid: the
# longest period of a carrier is 10 of them.
_LOW_PASS = 1.7
# Standard deviation of the neighborhood in which the variance of a face's detail is measured, in
# pixels of the grid.
_NEIGHBORHOOD = 3
# Variance that is added to the measured one, in squared luma levels: the noise of a flat region.
_NOISE_VARIANCE = 1.5


class SuppressedDetail(NamedTuple):
    """A face's detail, and what it is divided by."""

    detail: Grid
    """The detail divided by its local variance: the matched filter for a weak pattern in Gaussian
    noise of that variance. In inverse luma levels."""

    variance: Grid
    """The local variance, in squared luma levels."""


def suppress_detail(luma: Grid) -> SuppressedDetail:
    """Return a face's detail, divided by its local variance.

    Args:
        luma: The face on the grid, 0 to 255.
    """
    detail = luma - cv2.GaussianBlur(luma, (0, 0), _LOW_PASS)
    variance = cv2.GaussianBlur(detail * detail, (0, 0), _NEIGHBORHOOD) + _NOISE_VARIANCE
    return SuppressedDetail(
        np.asarray(detail / variance, np.float32), np.asarray(variance, np.float32)
    )
