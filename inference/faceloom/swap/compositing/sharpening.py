"""Sharpen drawn faces: what a network cannot place to the pixel it draws softly."""

import cv2
import numpy as np
from jaxtyping import Bool, Int16

from faceloom.array_types import Mask, Rgb

# The widest blur of an unsharp mask, in crop sides: what is softer than this is the light, not the skin.
_SIGMA = 0.012
# A face's edge to what lies around it is no detail of it: so wide a rim, in shares of the side, is left out.
_RIM = 0.04
_INSIDE = 128
# What is left of a crop's detail once it is put back and read again: measured 0.69 to 0.80 of crops of 128 px, put back
# at 0.7 to 2 pixels of the picture to one of theirs. (Of pictures without fine grain next to nothing is lost.)
LEFT_BY_PASTING = 0.75


def sharpen(face: Rgb, amount: float) -> Rgb:
    """Raise the finest detail of a crop by an unsharp mask; amount 0..1, where 1 doubles it."""
    return _unsharp(face, _softened(face), amount) if amount else face


def sharpen_like(face: Rgb, target: Rgb, mask: Mask, most: float) -> Rgb:
    """Sharpen a crop until, put back, it is as detailed as its target inside a mask, but by at most `most`.

    A face in soft footage stays as soft as the rest of the picture, and one that moves is as blurred as its target.

    Detail is the spread of the luma's Laplacian L. An unsharp mask adds `amount` times what a blur takes away, so the
    amount wanted is the greater root of var(L(face) + amount L(face - blurred)) = var(L(target)) / LEFT_BY_PASTING^2.
    """
    if not most:
        return face
    soft = _softened(face)
    return _unsharp(face, soft, min(most, _amount_like(face, soft, target, inside_of(mask))))


def inside_of(mask: Mask) -> Bool[np.ndarray, "h w"]:
    """Return where a crop's mask is, without its rim."""
    rim = np.ones((2 * round(_RIM * len(mask)) + 1,) * 2, np.uint8)
    return np.asarray(
        cv2.erode(mask, rim, borderType=cv2.BORDER_CONSTANT, borderValue=0) >= _INSIDE
    )


def _amount_like(face: Rgb, soft: Rgb, target: Rgb, inside: Bool[np.ndarray, "h w"]) -> float:
    """How much of `sharpen` makes a face, put back, as detailed as its target: 0 if it is, or if nothing would."""
    drawn, blurred, wanted = (_laplacian(picture) for picture in (face, soft, target))
    added = drawn - blurred
    counted = inside.view(np.uint8)
    of_drawn, gain = _variance(drawn, counted), _variance(added, counted)
    missing = _variance(wanted, counted) / LEFT_BY_PASTING**2 - of_drawn
    if missing <= 0 or gain == 0:
        return 0.0
    both = (_variance(drawn + added, counted) - of_drawn - gain) / 2
    return float((np.sqrt(both**2 + gain * missing) - both) / gain)


def _unsharp(face: Rgb, soft: Rgb, amount: float) -> Rgb:
    return np.asarray(cv2.addWeighted(face, 1 + amount, soft, -amount, 0), np.uint8)


def _softened(face: Rgb) -> Rgb:
    return np.asarray(cv2.GaussianBlur(face, (0, 0), max(_SIGMA * face.shape[0], 0.8)), np.uint8)


def _laplacian(picture: Rgb) -> Int16[np.ndarray, "h w"]:
    return np.asarray(
        cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_16S), np.int16
    )


def _variance(values: Int16[np.ndarray, "h w"], inside: Mask) -> float:
    """Of what lies inside; 0 if nothing does."""
    return float(cv2.meanStdDev(values, mask=inside)[1][0, 0]) ** 2
