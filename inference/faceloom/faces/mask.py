"""Masks of the face region, drawn from the landmarks."""

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Mask, Rgb, float32, to_uint8
from faceloom.faces.landmarks import CHIN, FOREHEAD

# The mesh ends at the middle of the forehead; this share of the face's height is added above it.
FOREHEAD_EXTENSION = 0.08
# What a network sees in place of a hidden background, 0..255.
BACKGROUND_GRAY = 128
# Sub-pixel precision of the polygon, as a power of two.
_SHIFT = 4


def mesh_mask(
    mesh_xy: Float32[np.ndarray, "468 2"],
    height: int,
    width: int,
    forehead: float = FOREHEAD_EXTENSION,
) -> Mask:
    """Return the outline of a face, 255 inside and 0 outside, for landmarks in pixels of that picture.

    forehead: how far it goes beyond the top of the mesh, in shares of the face's height.

    It is the hull of the whole mesh, not its oval ring: on a turned head the nose stands out beyond the ring.
    """
    up = mesh_xy[FOREHEAD] - mesh_xy[CHIN]
    along = (mesh_xy - mesh_xy[CHIN]) @ up / (up @ up)
    # 0 up to half the face's height, 1 at its top.
    upper = np.clip(2 * along - 1, 0, 1)
    raised = mesh_xy + forehead * upper[:, None] * up
    hull = cv2.convexHull(np.round(raised * 2**_SHIFT).astype(np.int32))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, hull, 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    return mask


def mask_background(crop: Rgb, mask: Mask) -> Rgb:
    """Return the crop with GRAY where the mask is 0, for networks trained to see only the face."""
    weight = float32(mask)[..., None] / 255
    return to_uint8(crop * weight + BACKGROUND_GRAY * (1 - weight))
