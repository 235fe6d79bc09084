"""How alike two pictures of a face are, inside a mask."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Rgb, float32
from faceloom.color import Lab, luma

# Gaussian window and constants of Wang et al., "Image quality assessment: from error visibility to
# structural similarity", IEEE TIP 13(4), 2004, for values of 0..1.
_SIGMA, _C1, _C2 = 1.5, 0.01**2, 0.03**2
# Spread of the blur, as a part of the picture's side, that leaves color and light of a face and no features.
_COARSE = 1 / 25


def coarse(lab: Lab) -> Lab:
    """Return only the color and light of a picture: no edge, no feature."""
    return float32(cv2.GaussianBlur(lab, (0, 0), _COARSE * len(lab)))


def color_difference(a: Lab, b: Lab, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the mean CIE 1976 difference (Delta E; about 2 is just noticeable) inside a mask."""
    return float(np.linalg.norm(a - b, axis=-1)[inside].mean())


def structural_similarity(a: Rgb, b: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the mean SSIM of the luma inside a mask, 1 for equal pictures."""
    x, y = luma(a), luma(b)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    shared = _blur(x * y) - mean_x * mean_y
    similarity = ((2 * mean_x * mean_y + _C1) * (2 * shared + _C2)) / (
        (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
    )
    return float(similarity[inside].mean())


def peak_signal_to_noise(a: Rgb, b: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the PSNR inside a mask in decibels, at most 60 (equal pictures have no finite one)."""
    error = float(((float32(a) - float32(b))[inside] ** 2).mean())
    return 60.0 if error < 1e-6 * 255**2 else float(10 * np.log10(255**2 / error))


def fine_detail(picture: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """Return the spread of the luma's Laplacian inside a mask: what blur takes away first."""
    return float(cv2.Laplacian(luma(picture), cv2.CV_32F)[inside].std())


def _blur(x: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    return float32(cv2.GaussianBlur(x, (0, 0), _SIGMA))
