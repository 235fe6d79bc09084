"""Sharpen predicted faces, which are softer than their targets."""

import cv2
import numpy as np
from jaxtyping import Bool, Int16

from faceloom.array_types import Mask, Rgb

# Sigma of the unsharp mask's blur, as a share of the crop's side. A wider blur would also raise
# the contrast of the lighting.
_SIGMA = 0.012
# Smallest sigma in pixels.
_MIN_SIGMA = 0.8
# Width of the rim that is left out of the mask's interior, as a share of the crop's side: the
# face's outer edge does not count as detail.
_RIM = 0.04
# Mask value from which a pixel is inside.
_INSIDE = 128
# Share of a crop's detail that remains after pasting and cropping again: measured 0.69 to 0.80 for
# crops of 128 px pasted at 0.7 to 2 frame pixels per crop pixel. Faces without fine grain lose
# almost nothing.
DETAIL_LEFT_BY_PASTING = 0.75


def sharpen(face: Rgb, amount: float) -> Rgb:
    """Sharpen a crop with an unsharp mask.

    Args:
        face: The crop, [size, size, 3].
        amount: Weight of the detail that is added, 0..1; 1 doubles the finest detail.
    """
    return _unsharp(face, _blur(face), amount) if amount else face


def sharpen_to_match(face: Rgb, target: Rgb, mask: Mask, max_amount: float) -> Rgb:
    """Sharpen a crop until it is, after pasting, as detailed as its target inside the mask.

    A face in soft footage stays soft, and a moving face as blurred as its target.

    Detail is the variance of the luma's Laplacian L. An unsharp mask adds `amount` times the
    difference to the blurred face, so the amount is the larger root of
    var(L(face) + amount * L(face - blurred)) = var(L(target)) / DETAIL_LEFT_BY_PASTING^2.

    Args:
        face: The predicted face, [size, size, 3].
        target: The target's crop, [size, size, 3].
        mask: Where detail is measured, [size, size].
        max_amount: Largest amount, 0..1.
    """
    if not max_amount:
        return face
    blurred = _blur(face)
    amount = _matching_amount(face, blurred, target, mask_interior(mask))
    return _unsharp(face, blurred, min(max_amount, amount))


def mask_interior(mask: Mask) -> Bool[np.ndarray, "h w"]:
    """Return the inside of a crop's mask, without its rim.

    Args:
        mask: The mask, [size, size].
    """
    kernel = np.ones((2 * round(_RIM * len(mask)) + 1,) * 2, np.uint8)
    eroded = cv2.erode(mask, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(eroded >= _INSIDE)


def _matching_amount(
    face: Rgb, blurred: Rgb, target: Rgb, inside: Bool[np.ndarray, "h w"]
) -> float:
    """Solve the equation of `sharpen_to_match`; 0 if the face is as detailed, or has no detail."""
    face_laplacian, blurred_laplacian, target_laplacian = (
        _laplacian(picture) for picture in (face, blurred, target)
    )
    added_laplacian = face_laplacian - blurred_laplacian
    weights = inside.view(np.uint8)
    face_variance = _variance(face_laplacian, weights)
    added_variance = _variance(added_laplacian, weights)
    missing = _variance(target_laplacian, weights) / DETAIL_LEFT_BY_PASTING**2 - face_variance
    if missing <= 0 or added_variance == 0:
        return 0.0
    sum_variance = _variance(face_laplacian + added_laplacian, weights)
    covariance = (sum_variance - face_variance - added_variance) / 2
    return float((np.sqrt(covariance**2 + added_variance * missing) - covariance) / added_variance)


def _unsharp(face: Rgb, blurred: Rgb, amount: float) -> Rgb:
    return np.asarray(cv2.addWeighted(face, 1 + amount, blurred, -amount, 0), np.uint8)


def _blur(face: Rgb) -> Rgb:
    sigma = max(_SIGMA * face.shape[0], _MIN_SIGMA)
    return np.asarray(cv2.GaussianBlur(face, (0, 0), sigma), np.uint8)


def _laplacian(picture: Rgb) -> Int16[np.ndarray, "h w"]:
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.Laplacian(luma, cv2.CV_16S), np.int16)


def _variance(values: Int16[np.ndarray, "h w"], weights: Mask) -> float:
    """Return the variance of the values inside; 0 if there are none."""
    return float(cv2.meanStdDev(values, mask=weights)[1][0, 0]) ** 2
