"""Read the watermark from faces: average them, find the grid with the pilot, decode the chips."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from faceloom.array_types import Affine, Points, Rgb, float32
from faceloom.faces.alignment import crop_face
from faceloom.provenance.watermark.carriers import (
    GRID_GEOMETRY,
    GRID_SIZE,
    PILOT_CARRIERS,
    TINY,
    Chips,
    Grid,
    to_chips,
    to_pattern,
)
from faceloom.provenance.watermark.payload import (
    decode,
    encode,
    similarity,
    similarity_bound,
)

# Standard deviation of the low-pass filter whose result is subtracted, in pixels of the grid: the
# longest period of a carrier is 10 of them.
_LOW_PASS = 1.5
# Standard deviation of the neighborhood in which the variance of a face's detail is measured, in
# pixels of the grid.
_NEIGHBORHOOD = 2.5
# Variance that is added to the measured one, in squared luma levels: the noise of a flat region.
_NOISE_VARIANCE = 1
# Scales of the grid that are searched: the landmarks of the swapped face differ from those of the
# face that it replaced.
_SCALES = (0.94, 0.97, 1.0, 1.03, 1.06)
# Rotations of the grid that are searched, in degrees, for the same reason.
_ROTATIONS = (-2.0, 0.0, 2.0)
# Longest shift of the grid that is searched, in its pixels.
_LONGEST_SHIFT = 8
# Side of the neighborhood whose mean amplitude whitens the spectrum, in frequencies.
_WHITENING_SIDE = 9
# Peaks of the pilot's correlation that are kept for each scale and rotation.
_PEAKS = 2
# How many positions of the grid are decoded: those with the highest correlation of the pilot.
_CANDIDATES = 4
# Shifts that are tried around each of them, in pixels of the grid.
_FINE_SHIFTS = (-0.5, 0.0, 0.5)


@dataclass(frozen=True, slots=True)
class Reading:
    """The most likely watermark of an average of faces, whether they have one or not."""

    fingerprint: int
    """The payload, 0 to 2**32 - 1."""
    similarity: float
    """Correlation with the pattern, in standard deviations of what unmarked faces give; 0 if no
    position can reach the minimum that the reader was given."""


class FaceAverage:
    """The average of faces in which their own detail is suppressed."""

    def __init__(self) -> None:
        self.count = 0
        """Faces in it."""
        self._sum: Grid = np.zeros((GRID_SIZE, GRID_SIZE), np.float32)

    def add(self, picture: Rgb, points_xy: Points) -> None:
        """Add a face.

        Args:
            picture: The picture, whose pixels are square.
            points_xy: The face's five points in its pixels.
        """
        face = crop_face(picture, GRID_GEOMETRY.frame_to_crop(points_xy), GRID_SIZE)
        self._sum += suppress_detail(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32))
        self.count += 1

    def add_average(self, other: "FaceAverage") -> None:
        """Add the faces of another average.

        Args:
            other: The average.
        """
        self._sum += other._sum
        self.count += other.count

    def read(self, min_similarity: float = 0) -> Reading:
        """Return the most likely watermark, of the faces as they are or mirrored.

        Args:
            min_similarity: See `read_grid`.
        """
        grid = self._sum / max(1, self.count)
        mirrored = np.ascontiguousarray(grid[:, ::-1])
        readings = [read_grid(picture, min_similarity) for picture in (grid, mirrored)]
        return max(readings, key=lambda reading: reading.similarity)


def suppress_detail(luma: Grid) -> Grid:
    """Return a face's detail, divided by its local variance.

    This is the matched filter for a weak pattern in Gaussian noise of that variance.

    Args:
        luma: The face on the grid, 0 to 255.
    """
    detail = luma - cv2.GaussianBlur(luma, (0, 0), _LOW_PASS)
    variance = cv2.GaussianBlur(detail * detail, (0, 0), _NEIGHBORHOOD) + _NOISE_VARIANCE
    return np.asarray(detail / variance, np.float32)


def read_grid(grid: Grid, min_similarity: float = 0) -> Reading:
    """Return the most likely watermark of an average of faces.

    Args:
        grid: The average of `suppress_detail`.
        min_similarity: Positions that cannot reach this similarity are not decoded, which saves
            time; if none can, the reading's similarity is 0.
    """
    positions = sorted(_positions(grid), key=lambda position: -position[0])[:_CANDIDATES]
    candidates = [_chips_at(grid, to_grid) for _, to_grid in positions]
    best = Reading(0, 0.0)
    for bound, chips in sorted(((similarity_bound(c), c) for c in candidates), key=lambda c: -c[0]):
        if bound < max(min_similarity, best.similarity):
            break
        fingerprint = decode(chips)
        reading = Reading(fingerprint, similarity(chips, fingerprint))
        best = max(best, reading, key=lambda reading: reading.similarity)
    return best


def _positions(grid: Grid) -> Iterator[tuple[float, Affine]]:
    """Yield the pilot's correlation at possible positions of the grid, and the map to the grid."""
    pilot = _pilot_spectrum()
    reach = slice(GRID_SIZE // 2 - _LONGEST_SHIFT, GRID_SIZE // 2 + _LONGEST_SHIFT + 1)
    for scale in _SCALES:
        for rotation in _ROTATIONS:
            turned = _turn(scale, rotation)
            spectrum = np.fft.rfft2(_warp(grid, turned))
            amplitude = cv2.blur(np.abs(spectrum), (_WHITENING_SIDE, _WHITENING_SIDE))
            white = spectrum / (amplitude + TINY)
            surface = np.fft.fftshift(np.fft.irfft2(white * np.conj(pilot)))[reach, reach]
            surface /= surface.std() + TINY
            for index in np.argsort(surface, axis=None)[-_PEAKS:]:
                row, column = np.unravel_index(index, surface.shape)
                shift = [column - _LONGEST_SHIFT, row - _LONGEST_SHIFT]
                yield float(surface[row, column]), _shifted(turned, *map(float, shift))


def _chips_at(grid: Grid, to_grid: Affine) -> Chips:
    """Return the chips at the subpixel shift with the highest correlation of the pilot."""
    shifted = (
        to_chips(_warp(grid, _shifted(to_grid, x, y))) for x in _FINE_SHIFTS for y in _FINE_SHIFTS
    )
    return max(
        shifted, key=lambda chips: chips[:PILOT_CARRIERS].sum() / (np.linalg.norm(chips) + TINY)
    )


def _turn(scale: float, rotation: float) -> Affine:
    """Return the map that scales and rotates around the center."""
    center = (GRID_SIZE - 1) / 2
    return float32(cv2.getRotationMatrix2D((center, center), rotation, scale))


def _shifted(affine: Affine, x: float, y: float) -> Affine:
    """Return the map, followed by a shift that moves the point (x, y) to the origin."""
    shifted = affine.copy()
    shifted[:, 2] -= (x, y)
    return shifted


def _warp(grid: Grid, to_grid: Affine) -> Grid:
    size = (GRID_SIZE, GRID_SIZE)
    return np.asarray(cv2.warpAffine(grid, to_grid, size, flags=cv2.INTER_CUBIC), np.float32)


@lru_cache(maxsize=1)
def _pilot_spectrum() -> np.ndarray:
    chips = encode(0)
    chips[PILOT_CARRIERS:] = 0
    return np.asarray(np.fft.rfft2(to_pattern(chips)))
