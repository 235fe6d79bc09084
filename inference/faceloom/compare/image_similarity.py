"""Similarity of two face crops inside a mask.

SSIM and PSNR are implemented here, as no library of the runtime has them with a mask;
scikit-image would bring SciPy, about 100 MB more to install.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Rgb, float32
from faceloom.color import Lab, luma

# Gaussian window and constants of Wang et al., "Image quality assessment: from error visibility to
# structural similarity", IEEE TIP 13(4), 2004, for values of 0 to 1.
# Pixels.
_SSIM_SIGMA = 1.5
_SSIM_C1 = 0.01**2
_SSIM_C2 = 0.03**2
# Sigma of the blur that removes features and keeps color and shading, as a share of the side.
_LOW_PASS_SIGMA = 1 / 25
# Decibels; equal pictures have no finite PSNR.
_MAX_PSNR = 60.0


def low_pass(lab: Lab) -> Lab:
    """Return only the color and shading of a crop, without edges and features.

    Args:
        lab: Square crop in CIE L*a*b*.
    """
    return float32(cv2.GaussianBlur(lab, (0, 0), _LOW_PASS_SIGMA * len(lab)))


def color_difference(a: Lab, b: Lab, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the mean CIE 1976 color difference (Delta E) inside a mask.

    Args:
        a: Picture in CIE L*a*b*.
        b: Picture of the same size.
        inside: Mask of at least one pixel.

    Returns:
        Delta E; about 2 is just noticeable.
    """
    return float(np.linalg.norm(a - b, axis=-1)[inside].mean())


def structural_similarity(a: Rgb, b: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the mean SSIM of the luma inside a mask.

    Args:
        a: RGB picture.
        b: RGB picture of the same size.
        inside: Mask of at least one pixel.

    Returns:
        -1 to 1; 1 for equal pictures.
    """
    x, y = luma(a), luma(b)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    similarity = ((2 * mean_x * mean_y + _SSIM_C1) * (2 * covariance + _SSIM_C2)) / (
        (mean_x**2 + mean_y**2 + _SSIM_C1) * (var_x + var_y + _SSIM_C2)
    )
    return float(similarity[inside].mean())


def psnr(a: Rgb, b: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the peak signal-to-noise ratio inside a mask.

    Args:
        a: RGB picture.
        b: RGB picture of the same size.
        inside: Mask of at least one pixel.

    Returns:
        Decibels, at most 60.
    """
    error = float(((float32(a) - float32(b))[inside] ** 2).mean())
    return _MAX_PSNR if error < 1e-6 * 255**2 else float(10 * np.log10(255**2 / error))


def laplacian_spread(picture: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the standard deviation of the luma's Laplacian inside a mask, a measure of sharpness.

    Args:
        picture: RGB picture.
        inside: Mask of at least one pixel.
    """
    return float(cv2.Laplacian(luma(picture), cv2.CV_32F)[inside].std())


def _blur(x: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    return float32(cv2.GaussianBlur(x, (0, 0), _SSIM_SIGMA))
