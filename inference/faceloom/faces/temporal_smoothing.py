"""Steady the alignment over time, and carry a face over the few frames in which it was not seen."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TypeVar

import numpy as np

from faceloom.array_types import float32
from faceloom.faces.face_finder import Face
from faceloom.faces.landmarks import Landmarks

Item = TypeVar("Item")

# Frames to either side that have a say, and the degree of the curve laid through them. A parabola over nine
# frames halves the detector's jitter and, unlike a running mean, neither lags nor flattens a turn of the head.
SMOOTHING_RADIUS, _DEGREE = 4, 2


def smooth_alignment(
    frames: Iterable[tuple[Item, Sequence[Face]]], *, fill_gaps: bool, known: int = 0
) -> Iterator[tuple[Item, list[Face]]]:
    """Yield the same frames with each track's alignment points laid on a curve through its neighbors in time.

    Local least squares after A. Savitzky and M. Golay, "Smoothing and differentiation of data by simplified
    least squares procedures", Analytical Chemistry 36(8), 1964, over the frames in which the track was seen.
    With `fill_gaps` a face that is missing from up to REACH frames and then comes back is put in. REACH
    frames are held back. The first `known` frames, REACH at the most, have only a say and are not yielded.
    """
    frames = iter(frames)
    # Of what was yielded only the faces stay: a frame of 4K takes 37 MB.
    window = deque(faces for _, faces in islice(frames, known))
    waiting: deque[Item] = deque()
    for item, faces in frames:
        window.append(faces)
        waiting.append(item)
        if len(waiting) > SMOOTHING_RADIUS:
            yield (
                waiting.popleft(),
                _faces_at(window, len(window) - len(waiting) - 1, fill_gaps=fill_gaps),
            )
        if len(window) - len(waiting) > SMOOTHING_RADIUS:
            window.popleft()
    while waiting:
        yield (
            waiting.popleft(),
            _faces_at(window, len(window) - len(waiting) - 1, fill_gaps=fill_gaps),
        )


def _faces_at(window: Sequence[Sequence[Face]], middle: int, *, fill_gaps: bool) -> list[Face]:
    tracks: dict[int, list[tuple[int, Face]]] = {}
    for number in range(
        max(0, middle - SMOOTHING_RADIUS), min(len(window), middle + SMOOTHING_RADIUS + 1)
    ):
        for face in window[number]:
            tracks.setdefault(face.track, []).append((number - middle, face))
    here = [_steadied(tracks[face.track], face) for face in window[middle]]
    if fill_gaps:
        seen = {face.track for face in here}
        here += [
            _filled(faces) for track, faces in tracks.items() if track not in seen and _spans(faces)
        ]
    return here


def _spans(faces: Sequence[tuple[int, Face]]) -> bool:
    """Whether a track was seen both before and after."""
    return faces[0][0] < 0 < faces[-1][0]


def _steadied(neighbors: Sequence[tuple[int, Face]], face: Face) -> Face:
    points = np.stack([other.points_xy for _, other in neighbors])
    return replace(face, points_xy=float32(np.tensordot(_weights(neighbors), points, 1)))


def _filled(neighbors: Sequence[tuple[int, Face]]) -> Face:
    """The face of a track at 0, where it was not seen."""
    last = next(face for offset, face in reversed(neighbors) if offset < 0)
    meshes = np.stack([other.landmarks.points_xyz for _, other in neighbors])
    mesh = Landmarks(float32(np.tensordot(_weights(neighbors), meshes, 1)), last.landmarks.score)
    return Face.from_landmarks(mesh, last.score, last.track)


def _weights(neighbors: Sequence[tuple[int, Face]]) -> np.ndarray:
    return _weights_of(tuple(offset for offset, _ in neighbors))


@lru_cache(maxsize=1024)
def _weights_of(offsets: tuple[int, ...]) -> np.ndarray:
    """What each neighbor counts in the value at 0 of the polynomial of least squared error."""
    powers = np.vander(
        np.array(offsets, float), min(_DEGREE, len(offsets) - 1) + 1, increasing=True
    )
    return np.asarray(np.linalg.pinv(powers)[0])
