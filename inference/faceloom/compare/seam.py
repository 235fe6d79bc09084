"""Visibility of the seam around a swapped face."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int

from faceloom.array_types import float32
from faceloom.color import Lab

# Inner edge of the ring around the face's outline, as a share of the crop's side; negative: inside.
_INNER = -0.12
# Outer edge of the ring, as a share of the crop's side.
_OUTER = 0.07
# Width of one of the ring's bands, as a share of the crop's side. A seam is a step along a whole
# section of a band; facial features are not.
_BAND = 1 / 128
# Sectors of the ring.
_SECTORS = 16
# Pixels of smooth skin that a section needs to count.
_LEAST_PIXELS = 12
# The target is smooth where its own colors change by less than this, in Lab per pixel.
_SMOOTH = 1.5


class FaceBoundary:
    """The surroundings of a face's outline, divided into sections (one sector of one band)."""

    def __init__(self, face: Bool[np.ndarray, "s s"]):
        """Divide the surroundings of a face.

        Args:
            face: The face's region in the crop.
        """
        distance = _signed_distance(face)
        self._normal = _gradient(distance)
        self._section = _sections(distance, face)

    def seam_strength(self, target: Lab, swap: Lab) -> float:
        """Measure the step across the outline that the swap has and the target does not.

        Only where the target's skin is smooth: an edge that moved with the shape of the face is
        no seam. The strongest band counts in each sector; the result is the mean over sectors.

        Args:
            target: The target's crop in CIE L*a*b*.
            swap: The swap's crop in CIE L*a*b*.

        Returns:
            Lab per pixel. 0 for an unchanged target; a seamless face has 0.7 from its features
            alone, a visible outline more than 1.5.
        """
        right, down = _gradient(target)
        swap_right, swap_down = _gradient(swap)
        normal_right, normal_down = (part[..., None] for part in self._normal)
        added = (swap_right - right) * normal_right + (swap_down - down) * normal_down
        # Sums over slices: NumPy reduces an axis of three values ten times as slowly.
        squares = right**2 + down**2
        change = np.sqrt(squares[..., 0] + squares[..., 1] + squares[..., 2])
        smooth = cv2.dilate(change, np.ones((5, 5), np.uint8)) < _SMOOTH
        chosen = smooth & (self._section >= 0)
        sections = self._section[chosen]
        count = self._section.max() + 1
        pixels = np.bincount(sections, minlength=count)
        sums = [np.bincount(sections, added[..., channel][chosen], count) for channel in range(3)]
        steps = np.linalg.norm(np.stack(sums, -1) / np.maximum(pixels, 1)[:, None], axis=-1)
        valid = np.where(pixels >= _LEAST_PIXELS, steps, 0)
        bands = -(-count // _SECTORS)
        padded = np.pad(valid, (0, bands * _SECTORS - count))
        return float(padded.reshape(bands, _SECTORS).max(0).mean())


def _signed_distance(face: Bool[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s"]:
    """Distance from the outline in pixels, negative inside the face."""
    inner, outer = (
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (face, ~face)
    )
    return float32(outer - inner)


def _sections(
    distance: Float32[np.ndarray, "s s"], face: Bool[np.ndarray, "s s"]
) -> Int[np.ndarray, "s s"]:
    """Return each pixel's section, band * _SECTORS + sector; -1 outside the ring."""
    side = len(face)
    band = np.floor((distance / side - _INNER) / _BAND).astype(int)
    rows, columns = np.nonzero(face)
    y, x = np.mgrid[:side, :side]
    turn = np.arctan2(y - rows.mean(), x - columns.mean()) / (2 * np.pi) + 0.5
    sector = np.floor(turn * _SECTORS).astype(int) % _SECTORS
    inside = (distance >= _INNER * side) & (distance < _OUTER * side)
    return np.where(inside, band * _SECTORS + sector, -1)


def _gradient(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the change per pixel to the right and down, after a blur of one pixel."""
    blurred = cv2.GaussianBlur(values, (0, 0), 1.0)
    return (
        cv2.Sobel(blurred, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(blurred, cv2.CV_32F, 0, 1, scale=1 / 8),
    )
