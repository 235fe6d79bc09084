"""Read the watermark from faces: average them, find the grid with the pilot, decode the chips."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
    window,
)
from faceloom.provenance.watermark.payload import (
    decode,
    encode,
    similarity,
    similarity_bound,
)
from faceloom.provenance.watermark.suppression import suppress_detail

# Scales of the grid that are searched: the landmarks of the swapped face differ from those of the
# face that it replaced.
_SCALES = (0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06)
# Rotations of the grid that are searched, in degrees, for the same reason.
_ROTATIONS = (-2.0, -1.0, 0.0, 1.0, 2.0)
# Longest shift of the grid that is searched, in its pixels.
_LONGEST_SHIFT = 8
# Side of the neighborhood whose mean amplitude whitens the spectrum, in frequencies.
_WHITENING_SIDE = 9
# Peaks of the pilot's correlation that are kept for each scale and rotation.
_PEAKS = 2
# Positions of the grid whose chips are read: those with the highest correlation of the pilot.
_CANDIDATES = 24
# Positions that are decoded at most: those of them whose chips agree best with the pilot.
_DECODED = 6
# Positions whose bound is this close to the minimum similarity are refined.
_REFINED_BELOW = 1.5
# Steps by which a position is refined, (scale, degrees, x and y in pixels of the grid).
_REFINEMENT = ((0.01, 0.5, 0.5), (0.005, 0.25, 0.25))


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
        luma = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
        self._sum += suppress_detail(luma).detail
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


@dataclass(frozen=True, slots=True)
class _Position:
    """Where the grid may be, relative to the landmarks."""

    scale: float
    """Scale of the grid."""
    rotation: float
    """Rotation, in degrees."""
    x: float
    """Shift to the right, in pixels of the grid."""
    y: float
    """Shift downwards, in pixels of the grid."""

    def chips(self, grid: Grid) -> Chips:
        """Return the chips at this position of the grid."""
        turned = _turn(self.scale, self.rotation)
        return to_chips(_warp(grid, _shifted(turned, self.x, self.y)))

    def neighbors(self, scale: float, rotation: float, shift: float) -> Iterator["_Position"]:
        """Yield the positions one step away."""
        for sign in (-1, 1):
            yield replace(self, scale=self.scale + sign * scale)
            yield replace(self, rotation=self.rotation + sign * rotation)
            yield replace(self, x=self.x + sign * shift)
            yield replace(self, y=self.y + sign * shift)


def read_grid(grid: Grid, min_similarity: float = 0) -> Reading:
    """Return the most likely watermark of an average of faces.

    Args:
        grid: The average of the faces' suppressed detail.
        min_similarity: Positions that cannot reach this similarity are not decoded, which saves
            time; if none can, the reading's similarity is 0.
    """
    found = sorted(_positions(grid), key=lambda peak: -peak[0])[:_CANDIDATES]
    candidates = [(position, position.chips(grid)) for _, position in found]
    candidates.sort(key=lambda candidate: -_pilot_similarity(candidate[1]))
    bounds = [
        (similarity_bound(chips), position, chips) for position, chips in candidates[:_DECODED]
    ]
    best = Reading(0, 0.0)
    for bound, position, chips in sorted(bounds, key=lambda each: -each[0]):
        least = max(min_similarity, best.similarity)
        if bound + _REFINED_BELOW < least:
            break
        refined = _refine(grid, position, bound, chips)
        if similarity_bound(refined) < least:
            continue
        fingerprint = decode(refined)
        reading = Reading(fingerprint, similarity(refined, fingerprint))
        best = max(best, reading, key=lambda reading: reading.similarity)
    return best


def _refine(grid: Grid, position: _Position, bound: float, chips: Chips) -> Chips:
    """Return the chips at the position nearby that may be most similar to a watermark."""
    for steps in _REFINEMENT:
        for neighbor in position.neighbors(*steps):
            others = neighbor.chips(grid)
            if (other := similarity_bound(others)) > bound:
                position, bound, chips = neighbor, other, others
    return chips


def _pilot_similarity(chips: Chips) -> float:
    return float(chips[:PILOT_CARRIERS].sum() / (np.linalg.norm(chips) + TINY))


def _positions(grid: Grid) -> Iterator[tuple[float, _Position]]:
    """Yield the pilot's correlation at possible positions of the grid, and the positions."""
    pilot = _pilot_spectrum()
    reach = slice(GRID_SIZE // 2 - _LONGEST_SHIFT, GRID_SIZE // 2 + _LONGEST_SHIFT + 1)
    for scale in _SCALES:
        for rotation in _ROTATIONS:
            spectrum = np.fft.rfft2(_warp(grid, _turn(scale, rotation)))
            amplitude = cv2.blur(np.abs(spectrum), (_WHITENING_SIDE, _WHITENING_SIDE))
            white = spectrum / (amplitude + TINY)
            surface = np.fft.fftshift(np.fft.irfft2(white * np.conj(pilot)))[reach, reach]
            surface /= surface.std() + TINY
            for index in np.argsort(surface, axis=None)[-_PEAKS:]:
                row, column = map(int, np.unravel_index(index, surface.shape))
                x = column + _subpixel(surface[row], column) - _LONGEST_SHIFT
                y = row + _subpixel(surface[:, column], row) - _LONGEST_SHIFT
                yield float(surface[row, column]), _Position(scale, rotation, x, y)


def _subpixel(line: np.ndarray, peak: int) -> float:
    """Return where the parabola through a peak and its neighbors has its top, -0.5 to 0.5."""
    if not 0 < peak < len(line) - 1:
        return 0.0
    before, top, after = (float(value) for value in line[peak - 1 : peak + 2])
    curvature = before - 2 * top + after
    return 0.5 * (before - after) / curvature if curvature < 0 else 0.0


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
    return np.asarray(np.fft.rfft2(to_pattern(chips) * window()))
