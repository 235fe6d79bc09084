"""Follow faces from frame to frame by how much their boxes overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32

# The number of a face that no track is known for yet.
NO_TRACK = -1
# Frames that a face may be unseen and keep its number.
MAX_MISSED_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Track:
    """A track that is open: where it was last seen, and for how many frames it was not."""

    id: int
    box_xyxy: Float32[np.ndarray, "4"]
    missed: int = 0


@dataclass(frozen=True, slots=True)
class TrackerState:
    """What a tracker remembers."""

    tracks: tuple[Track, ...]
    next_id: int


class Tracker:
    """Numbers faces so that one number stays with one face while it is seen.

    A track that was not seen for `patience` frames is closed; a face that comes back later
    gets a new number.
    """

    def __init__(self, min_overlap: float = 0.3, patience: int = MAX_MISSED_FRAMES, first: int = 0):
        self._min_overlap = min_overlap
        self._patience = patience
        self._tracks: list[Track] = []
        self._next = first

    def update(
        self, boxes_xyxy: Float32[np.ndarray, "n 4"], known: Sequence[int] | None = None
    ) -> list[int]:
        """Return the track number of each box of the next frame; `known` are those known already, or NO_TRACK."""
        numbers = list(known or [NO_TRACK] * len(boxes_xyxy))
        self._tracks = [track for track in self._tracks if track.missed < self._patience]
        free = [track for track in self._tracks if track.id not in numbers]
        for track, box in self._pairs(free, boxes_xyxy, numbers):
            numbers[box] = track.id
        for box, number in enumerate(numbers):
            if number == NO_TRACK:
                numbers[box] = self._open()
        self._remember(boxes_xyxy, numbers)
        return numbers

    @property
    def state(self) -> TrackerState:
        """What it remembers now."""
        return TrackerState(tuple(self._tracks), self._next)

    @state.setter
    def state(self, state: TrackerState) -> None:
        self._tracks, self._next = list(state.tracks), state.next_id

    def reset(self) -> None:
        """Forget every track: after a cut a face in the same place is another's."""
        self._tracks = []

    def _open(self) -> int:
        self._next += 1
        return self._next - 1

    def _remember(self, boxes_xyxy: Float32[np.ndarray, "n 4"], numbers: Sequence[int]) -> None:
        unseen = [track for track in self._tracks if track.id not in numbers]
        seen = [Track(number, box) for number, box in zip(numbers, boxes_xyxy, strict=True)]
        self._tracks = seen + [replace(track, missed=track.missed + 1) for track in unseen]

    def _pairs(
        self,
        tracks: Sequence[Track],
        boxes_xyxy: Float32[np.ndarray, "n 4"],
        numbers: Sequence[int],
    ) -> list[tuple[Track, int]]:
        """Pair tracks and boxes without a number greedily, the greatest overlap first."""
        if not tracks or not len(boxes_xyxy):
            return []
        overlaps = box_iou(np.stack([track.box_xyxy for track in tracks]), boxes_xyxy)
        overlaps[:, [number != NO_TRACK for number in numbers]] = -1
        pairs = []
        while overlaps.max() > self._min_overlap:
            track, box = np.unravel_index(overlaps.argmax(), overlaps.shape)
            pairs.append((tracks[int(track)], int(box)))
            overlaps[track, :] = overlaps[:, box] = -1
        return pairs


def box_iou(
    a_xyxy: Float32[np.ndarray, "n 4"], b_xyxy: Float32[np.ndarray, "m 4"]
) -> Float32[np.ndarray, "n m"]:
    """Return the intersection over union of every pair of boxes."""
    top_left = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    bottom_right = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    shared = np.clip(bottom_right - top_left, 0, None).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (a_xyxy, b_xyxy)]
    return float32(shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9))
