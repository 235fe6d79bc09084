"""Smooth the alignment over time, and interpolate a face over a few frames without it."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import numpy as np

from faceloom.array_types import float32
from faceloom.faces.face_finder import Face
from faceloom.faces.landmarks import Landmarks

Item = TypeVar("Item")

# Frames before and after a frame that its smoothing uses.
SMOOTHING_RADIUS = 4
# Degree of the fitted polynomial. A parabola over nine frames halves the detector's jitter and,
# unlike a running mean, neither lags nor flattens a turn of the head.
_DEGREE = 2


def smooth_alignment(
    frames: Iterable[tuple[Item, Sequence[Face]]],
    *,
    fill_gaps: bool,
    context: Sequence[Sequence[Face]] = (),
) -> Iterator[tuple[Item, list[Face]]]:
    """Smooth each track's alignment points over time with a local least-squares polynomial.

    A. Savitzky and M. Golay, "Smoothing and differentiation of data by simplified least squares
    procedures", Analytical Chemistry 36(8), 1964, over the frames that have the track. The output
    lags SMOOTHING_RADIUS frames behind the input.

    Args:
        frames: Any item and its faces, in order.
        fill_gaps: Whether to interpolate a face that is missing from up to SMOOTHING_RADIUS frames
            and then comes back.
        context: The faces of at most SMOOTHING_RADIUS frames before the first one.

    Yields:
        The same items, with their smoothed faces.
    """
    # Of past frames only the faces are held: a frame of 4K takes 37 MB.
    window: deque[Sequence[Face]] = deque(context)
    waiting: deque[Item] = deque()
    for item, faces in frames:
        window.append(faces)
        waiting.append(item)
        if len(waiting) > SMOOTHING_RADIUS:
            center = len(window) - len(waiting)
            yield waiting.popleft(), _faces_at(window, center, fill_gaps=fill_gaps)
        if len(window) - len(waiting) > SMOOTHING_RADIUS:
            window.popleft()
    while waiting:
        center = len(window) - len(waiting)
        yield waiting.popleft(), _faces_at(window, center, fill_gaps=fill_gaps)


def _faces_at(window: Sequence[Sequence[Face]], center: int, *, fill_gaps: bool) -> list[Face]:
    tracks: dict[int, list[tuple[int, Face]]] = {}
    first, last = max(0, center - SMOOTHING_RADIUS), center + SMOOTHING_RADIUS
    for index in range(first, min(len(window), last + 1)):
        for face in window[index]:
            tracks.setdefault(face.track, []).append((index - center, face))
    smoothed = [_smooth(tracks[face.track], face) for face in window[center]]
    if fill_gaps:
        present = {face.track for face in smoothed}
        smoothed += [
            _interpolate(faces)
            for track, faces in tracks.items()
            if track not in present and _spans_center(faces)
        ]
    return smoothed


def _spans_center(faces: Sequence[tuple[int, Face]]) -> bool:
    """Whether a track has faces both before and after."""
    return faces[0][0] < 0 < faces[-1][0]


def _smooth(neighbors: Sequence[tuple[int, Face]], face: Face) -> Face:
    points = np.stack([other.points_xy for _, other in neighbors])
    return replace(face, points_xy=float32(np.tensordot(_weights(neighbors), points, 1)))


def _interpolate(neighbors: Sequence[tuple[int, Face]]) -> Face:
    """Return the face of a track at offset 0, where it is missing."""
    last = next(face for offset, face in reversed(neighbors) if offset < 0)
    meshes = np.stack([other.landmarks.points_xyz for _, other in neighbors])
    mesh = Landmarks(float32(np.tensordot(_weights(neighbors), meshes, 1)), last.landmarks.score)
    return Face.from_landmarks(mesh, last.score, last.track)


def _weights(neighbors: Sequence[tuple[int, Face]]) -> np.ndarray:
    return _weights_of(tuple(offset for offset, _ in neighbors))


@lru_cache(maxsize=1024)
def _weights_of(offsets: tuple[int, ...]) -> np.ndarray:
    """Return each neighbor's weight in the value at 0 of the least-squares polynomial."""
    powers = np.vander(
        np.array(offsets, float), min(_DEGREE, len(offsets) - 1) + 1, increasing=True
    )
    return np.asarray(np.linalg.pinv(powers)[0])
