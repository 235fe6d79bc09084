"""Follow faces from frame to frame by how much their boxes overlap."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.arrays import float32


@dataclass(slots=True)
class _Track:
    number: int
    box_xyxy: Float32[np.ndarray, "4"]
    missed: int = 0


class Tracker:
    """Numbers faces so that one number stays with one face while it is seen.

    A track that was not seen for `patience` frames is closed; a face that comes back later
    gets a new number.
    """

    def __init__(self, min_overlap: float = 0.3, patience: int = 5):
        self._min_overlap = min_overlap
        self._patience = patience
        self._tracks: list[_Track] = []
        self._next = 0

    def follow(self, boxes_xyxy: Float32[np.ndarray, "n 4"]) -> list[int]:
        """Return the track number of each box of the next frame."""
        numbers = [-1] * len(boxes_xyxy)
        for track, face in self._pairs(boxes_xyxy):
            numbers[face] = track.number
            track.box_xyxy, track.missed = boxes_xyxy[face], -1
        for track in self._tracks:
            track.missed += 1
        self._tracks = [track for track in self._tracks if track.missed <= self._patience]
        for face, number in enumerate(numbers):
            if number < 0:
                numbers[face] = self._open(boxes_xyxy[face])
        return numbers

    def _open(self, box_xyxy: Float32[np.ndarray, "4"]) -> int:
        self._tracks.append(_Track(self._next, box_xyxy))
        self._next += 1
        return self._next - 1

    def _pairs(self, boxes_xyxy: Float32[np.ndarray, "n 4"]) -> list[tuple[_Track, int]]:
        """Pair tracks and boxes greedily, the greatest overlap first."""
        if not self._tracks or not len(boxes_xyxy):
            return []
        overlaps = box_overlaps(np.stack([track.box_xyxy for track in self._tracks]), boxes_xyxy)
        pairs = []
        while overlaps.max() > self._min_overlap:
            track, face = np.unravel_index(overlaps.argmax(), overlaps.shape)
            pairs.append((self._tracks[track], int(face)))
            overlaps[track, :] = overlaps[:, face] = -1
        return pairs


def box_overlaps(a_xyxy: Float32[np.ndarray, "n 4"], b_xyxy: Float32[np.ndarray, "m 4"]) -> Float32[np.ndarray, "n m"]:
    """Return the intersection over union of every pair of boxes."""
    top_left = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    bottom_right = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    shared = np.clip(bottom_right - top_left, 0, None).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (a_xyxy, b_xyxy)]
    return float32(shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9))
