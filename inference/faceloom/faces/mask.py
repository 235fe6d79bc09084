"""Masks of the face region, drawn from the landmarks."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from faceloom.array_types import Mask, Rgb, float32, to_uint8
from faceloom.faces.landmarks import CHIN, FOREHEAD

# Added above the mesh, which ends at the middle of the forehead; a fraction of the face's height.
FOREHEAD_EXTENSION = 0.08
# Replaces a masked background in a network's input, 0..255.
BACKGROUND_GRAY = 128
# Fractional bits of the polygon's coordinates.
_SHIFT = 4


def mesh_mask(
    mesh_xy: Float32[np.ndarray, "468 2"],
    height: int,
    width: int,
    forehead: float = FOREHEAD_EXTENSION,
) -> Mask:
    """Draw the mask of a face: the convex hull of its mesh.

    The hull and not the mesh's oval ring: on a turned head the nose is outside the ring.

    Args:
        mesh_xy: The landmarks in pixels of the mask.
        height: Height of the mask in pixels.
        width: Width of the mask in pixels.
        forehead: Extension above the top of the mesh, as a fraction of the face's height.

    Returns:
        255 inside the face and 0 outside.
    """
    hull = cv2.convexHull(np.round(_raise(mesh_xy, forehead) * 2**_SHIFT).astype(np.int32))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, hull, 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    return mask


def mesh_outline(mesh_xy: Float32[np.ndarray, "468 2"]) -> Float32[np.ndarray, "k 2"]:
    """Return the outline of the mask that `mesh_mask` draws.

    Args:
        mesh_xy: The landmarks in pixels.

    Returns:
        The corners of a convex polygon in pixels.
    """
    return float32(cv2.convexHull(float32(_raise(mesh_xy, FOREHEAD_EXTENSION)))[:, 0])


def disk(radius: float) -> UInt8[np.ndarray, "k k"]:
    """Return a disk as OpenCV's morphological operations expect it.

    Args:
        radius: The radius in pixels, which is rounded.
    """
    side = 2 * round(radius) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _raise(mesh_xy: Float32[np.ndarray, "468 2"], forehead: float) -> Float32[np.ndarray, "468 2"]:
    """Extend the upper half of a mesh by a fraction of the face's height."""
    up = mesh_xy[FOREHEAD] - mesh_xy[CHIN]
    along = (mesh_xy - mesh_xy[CHIN]) @ up / (up @ up)
    # 0 up to half the face's height, 1 at its top.
    upper = np.clip(2 * along - 1, 0, 1)
    return np.asarray(mesh_xy + forehead * upper[:, None] * up)


def mask_background(crop: Rgb, mask: Mask) -> Rgb:
    """Replace the background with gray, for networks that are trained on faces alone.

    Args:
        crop: The crop.
        mask: Its mask, of the same size.

    Returns:
        The crop, blended with BACKGROUND_GRAY where the mask is below 255.
    """
    weight = float32(mask)[..., None] / 255
    return to_uint8(crop * weight + BACKGROUND_GRAY * (1 - weight))
