"""Paint over the strands of hair on a forehead that face parsing takes for skin.

A decoder learns the strands of its guest's footage as a part of the face, and draws them on every
other forehead.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Mask, Points, Rgb, float32
from faceloom.color import Lab, from_lab, to_lab
from faceloom.faces.landmarks import BROWS
from faceloom.faces.mask import disk

# Distances as fractions of the crop's side: how far strands reach from the hair that face parsing
# finds, the standard deviation of what counts as the skin around, and the distance from the brows.
_REACH = 0.12
_AROUND = 0.04
_ABOVE_BROWS = 0.02
# Mask values from which a pixel is skin, and up to which it is hidden.
_SKIN = 191
_HIDDEN = 64
# Mask value from which a pixel is inside the outline.
_INSIDE = 127
# Fewest pixels of hair, and of forehead, whose colors are compared.
_LEAST_PIXELS = 20
# Smallest distance of the colors of hair and skin, in units of L*a*b*; below it, shading would
# count as hair.
_LEAST_CONTRAST = 25.0
# Share of the way from the skin around to the hair's color from which a pixel is a strand: first
# where strands darken what counts as the skin around, then without them.
_FIRST_SHARE = 0.2
_SHARE = 0.15
# Smallest weight to divide by.
_LEAST_WEIGHT = 1e-3
# Standard deviation of a painted strand's soft edge in pixels.
_EDGE = 0.7


def paint_over_strands(rgb: Rgb, mask: Mask, outline: Mask, mesh_xy: Points) -> Rgb:
    """Replace strands of hair on the forehead by the skin around them.

    Args:
        rgb: The crop, [size, size, 3].
        mask: The visible face, [size, size].
        outline: The mesh mask, [size, size].
        mesh_xy: The 468 landmarks in pixels of the crop.

    Returns:
        The crop without strands; the crop itself if there is no hair inside the outline, or if it
        has nearly the color of the skin.
    """
    forehead = _above_brows(mesh_xy, len(rgb))
    hair = (outline > _INSIDE) & (mask < _HIDDEN) & forehead
    skin = (mask > _SKIN) & forehead
    if min(np.count_nonzero(hair), np.count_nonzero(skin)) < _LEAST_PIXELS:
        return rgb
    picture = to_lab(rgb)
    contrast = np.median(picture[hair], 0) - np.median(picture[skin], 0)
    if np.linalg.norm(contrast) < _LEAST_CONTRAST:
        return rgb
    near = cv2.dilate(float32(hair), disk(_REACH * len(rgb))) > 0
    strands, around = _find_strands(picture, skin & near, float32(mask > _SKIN), contrast)
    if not strands.any():
        return rgb
    painted = cv2.GaussianBlur(cv2.dilate(float32(strands), disk(1)), (0, 0), _EDGE)[..., None]
    result = from_lab(float32(picture + painted * (around - picture)))
    # Some colors change by a level on the way to L*a*b* and back.
    return np.where(painted > 0, result, rgb)


def _above_brows(mesh_xy: Points, size: int) -> Bool[np.ndarray, "s s"]:
    """Return the half of a picture above a line through the tops of both brows."""
    brows = (mesh_xy[list(BROWS[:10])], mesh_xy[list(BROWS[10:])])
    (x0, y0), (x1, y1) = sorted(tuple(brow[brow[:, 1].argmin()]) for brow in brows)
    columns = np.arange(size)
    line = y0 + (y1 - y0) / max(x1 - x0, 1) * (columns - x0) - _ABOVE_BROWS * size
    return np.arange(size)[:, None] < line


def _find_strands(
    picture: Lab,
    searched: Bool[np.ndarray, "s s"],
    skin: Float32[np.ndarray, "s s"],
    contrast: Float32[np.ndarray, "3"],
) -> tuple[Bool[np.ndarray, "s s"], Lab]:
    """Return which of the searched pixels are strands, and the color of the skin around each."""
    strands = np.zeros_like(searched)
    for share in (_FIRST_SHARE, _SHARE):
        weights = skin * (1 - cv2.dilate(float32(strands), disk(1)))
        around = _skin_around(picture, weights)
        towards_hair = (picture - around) @ contrast / (contrast @ contrast)
        strands = searched & (towards_hair > share)
    return strands, around


def _skin_around(picture: Lab, weights: Float32[np.ndarray, "s s"]) -> Lab:
    sigma = _AROUND * len(picture)
    total = cv2.GaussianBlur(picture * weights[..., None], (0, 0), sigma)
    weight = cv2.GaussianBlur(weights, (0, 0), sigma)
    return float32(total / np.maximum(weight, _LEAST_WEIGHT)[..., None])
