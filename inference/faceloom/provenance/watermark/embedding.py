"""Add the watermark to the swapped faces of a frame."""

from functools import lru_cache

import cv2
import numpy as np

from faceloom.array_types import Affine, Mask, Points, Rgb, float32
from faceloom.faces.alignment import (
    CropGeometry,
    affine_scale,
    apply_affine,
    compose_affine,
    invert_affine,
)
from faceloom.provenance.watermark.carriers import GRID_GEOMETRY, GRID_SIZE, to_pattern
from faceloom.provenance.watermark.payload import encode
from faceloom.video import Box

# Standard deviation of the pattern over the grid, in luma levels of 0..255.
_STRENGTH = 1.6
# Largest scale from frame to grid: above it the face is too small for the shortest period.
_MAX_GRID_SCALE = 2.0
# Added to the values of the pattern, so that they fit into bytes.
_OFFSET = 128
# Corners of the grid, (x, y).
_CORNERS = float32([[0, 0], [GRID_SIZE, 0], [0, GRID_SIZE], [GRID_SIZE, GRID_SIZE]])


class WatermarkEmbedder:
    """Adds one watermark to faces, with the same pattern in every frame and segment."""

    def __init__(self, fingerprint: int):
        """Compute the pattern.

        Args:
            fingerprint: The payload, 0 to 2**32 - 1.
        """
        self._pattern = _STRENGTH * to_pattern(encode(fingerprint))

    def embed(
        self, picture: Rgb, mask: Mask, frame_to_crop: Affine, geometry: CropGeometry
    ) -> Box | None:
        """Add the watermark to a pasted face, in place.

        Args:
            picture: The frame, [height, width, 3].
            mask: The face's mask in its crop; it also weights the watermark.
            frame_to_crop: The map from pixels of the frame to pixels of the crop.
            geometry: The crop's geometry.

        Returns:
            The changed region as left, top, right, bottom; None if the face is too small or
            outside the picture.
        """
        crop_to_grid = _crop_to_grid(geometry)
        frame_to_grid = compose_affine(crop_to_grid, frame_to_crop)
        if affine_scale(frame_to_grid) > _MAX_GRID_SCALE:
            return None
        left, top, right, bottom = box = _region(picture, frame_to_grid)
        if left >= right or top >= bottom:
            return None
        weight = cv2.warpAffine(mask, crop_to_grid, (GRID_SIZE, GRID_SIZE))
        layer = cv2.multiply(self._pattern, weight, scale=1 / 255, dtype=cv2.CV_32F)
        part = picture[top:bottom, left:right]
        part_to_grid = frame_to_grid.copy()
        part_to_grid[:, 2] += frame_to_grid[:, :2] @ float32([left, top])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        added = cv2.warpAffine(layer, part_to_grid, part.shape[1::-1], flags=flags)
        # Bytes with an offset: an addition of mixed types takes twice the time.
        added = (added + (_OFFSET + 0.5)).astype(np.uint8)
        part[:] = cv2.addWeighted(part, 1, cv2.merge((added, added, added)), 1, -_OFFSET)
        return box


@lru_cache
def _crop_to_grid(geometry: CropGeometry) -> Affine:
    """Return the map from a crop to the grid: the same for every face, and slow to fit."""
    return geometry.affine_to(GRID_GEOMETRY)


def _region(picture: Rgb, frame_to_grid: Affine) -> Box:
    """Return left, top, right and bottom of the grid in the picture, clipped to the picture."""
    corners: Points = apply_affine(invert_affine(frame_to_grid), _CORNERS)
    left, top = np.floor(corners.min(0)).astype(int)
    right, bottom = np.ceil(corners.max(0)).astype(int) + 1
    height, width = picture.shape[:2]
    return max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))
