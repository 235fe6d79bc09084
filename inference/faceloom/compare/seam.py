"""How much the rim of a swapped face stands out on the skin."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int

from faceloom.array_types import float32
from faceloom.color import Lab

# Where a rim is looked for, as parts of the crop's side: from inside the face's outline (below 0) to beyond it.
_FROM, _TO = -0.12, 0.07
# Rings and sectors of the rim: a seam is a step that a whole stretch of a ring shares; features of a face are not.
_RING, _SECTORS = 1 / 128, 16
# A stretch counts if it has so many pixels of smooth skin.
_LEAST_PIXELS = 12
# The target is smooth where its own colors change by less than this from pixel to pixel, in Lab.
_SMOOTH = 1.5


class Rim:
    """The surroundings of a face's outline, cut into stretches."""

    def __init__(self, face: Bool[np.ndarray, "s s"]):
        """Take the face's whole region in the judge's crop."""
        outward = _signed_distance(face)
        self._normal = np.stack(_derivatives(outward), -1)
        self._stretch = _stretches(outward, face)

    def seam(self, target: Lab, swap: Lab) -> float:
        """Return the step across the rim that the swap has and the target has not, in Lab a pixel.

        Only where the target's skin is smooth: an edge that moved with the shape of the face is no seam. In
        each sector the strongest ring counts; the mean over sectors. 0 for an untouched target; an even face
        has 0.7 from its features alone, a visible outline above 1.5.
        """
        was = np.stack(_derivatives(target), -1)
        new = ((np.stack(_derivatives(swap), -1) - was) * self._normal[:, :, None]).sum(-1)
        change = float32(np.linalg.norm(was.reshape(*was.shape[:2], -1), axis=-1))
        smooth = cv2.dilate(change, np.ones((5, 5), np.uint8)) < _SMOOTH
        chosen = smooth & (self._stretch >= 0)
        stretches = self._stretch[chosen]
        size = self._stretch.max() + 1
        counts = np.bincount(stretches, minlength=size)
        steps = [np.bincount(stretches, new[..., channel][chosen], size) for channel in range(3)]
        step = np.linalg.norm(np.stack(steps, -1) / np.maximum(counts, 1)[:, None], axis=-1)
        strongest = np.where(counts >= _LEAST_PIXELS, step, 0)
        rings = -(-size // _SECTORS)
        return float(
            np.pad(strongest, (0, rings * _SECTORS - size)).reshape(rings, _SECTORS).max(0).mean()
        )


def _signed_distance(face: Bool[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s"]:
    """Pixels from the outline, below 0 in the face."""
    inner, outer = (
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (face, ~face)
    )
    return float32(outer - inner)


def _stretches(
    outward: Float32[np.ndarray, "s s"], face: Bool[np.ndarray, "s s"]
) -> Int[np.ndarray, "s s"]:
    """Number each pixel's ring and sector; -1 beyond the rim."""
    side = len(face)
    ring = np.floor((outward / side - _FROM) / _RING).astype(int)
    rows, columns = np.nonzero(face)
    y, x = np.mgrid[:side, :side]
    turn = np.arctan2(y - rows.mean(), x - columns.mean()) / (2 * np.pi) + 0.5
    sector = np.floor(turn * _SECTORS).astype(int) % _SECTORS
    inside = (outward >= _FROM * side) & (outward < _TO * side)
    return np.where(inside, ring * _SECTORS + sector, -1)


def _derivatives(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Change a pixel to the right and downwards, over a spread of one pixel."""
    even = cv2.GaussianBlur(values, (0, 0), 1.0)
    return cv2.Sobel(even, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(
        even, cv2.CV_32F, 0, 1, scale=1 / 8
    )
