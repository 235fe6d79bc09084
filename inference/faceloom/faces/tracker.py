"""Track faces from frame to frame by the overlap of their boxes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32

# Track of a face that belongs to no track yet.
NO_TRACK = -1
# Frames that a face may be missing and keep its track.
MAX_MISSED_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Track:
    """An open track."""

    id: int
    """Number of the track."""
    box_xyxy: Float32[np.ndarray, "4"]
    """The last box in pixels."""
    missed: int = 0
    """Frames since that box."""


@dataclass(frozen=True, slots=True)
class TrackerState:
    """State of a tracker after a frame."""

    tracks: tuple[Track, ...]
    """The open tracks."""
    next_id: int
    """Number of the next track."""


class Tracker:
    """Assigns each face a track number that stays the same from frame to frame.

    A track without a face for `max_missed` frames is closed; a face that comes back later gets a
    new number.
    """

    def __init__(
        self, min_overlap: float = 0.3, max_missed: int = MAX_MISSED_FRAMES, first_id: int = 0
    ):
        """Begin without tracks.

        Args:
            min_overlap: Intersection over union above which a box continues a track.
            max_missed: Frames without a face after which a track is closed.
            first_id: Number of the first track.
        """
        self._min_overlap = min_overlap
        self._max_missed = max_missed
        self._tracks: list[Track] = []
        self._next_id = first_id

    def update(
        self, boxes_xyxy: Float32[np.ndarray, "n 4"], known: Sequence[int] | None = None
    ) -> list[int]:
        """Assign tracks to the faces of the next frame.

        Args:
            boxes_xyxy: The faces' boxes in pixels.
            known: The faces' tracks, where they are known already, or NO_TRACK.

        Returns:
            The track of each face.
        """
        ids = list(known or [NO_TRACK] * len(boxes_xyxy))
        self._tracks = [track for track in self._tracks if track.missed < self._max_missed]
        free = [track for track in self._tracks if track.id not in ids]
        for track, box in self._match(free, boxes_xyxy, ids):
            ids[box] = track.id
        for box, track_id in enumerate(ids):
            if track_id == NO_TRACK:
                ids[box] = self._open_track()
        self._remember(boxes_xyxy, ids)
        return ids

    @property
    def state(self) -> TrackerState:
        """The current state."""
        return TrackerState(tuple(self._tracks), self._next_id)

    @state.setter
    def state(self, state: TrackerState) -> None:
        self._tracks, self._next_id = list(state.tracks), state.next_id

    def reset(self) -> None:
        """Close every track: after a cut, a face in the same place is another person's."""
        self._tracks = []

    def _open_track(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _remember(self, boxes_xyxy: Float32[np.ndarray, "n 4"], ids: Sequence[int]) -> None:
        missed = [track for track in self._tracks if track.id not in ids]
        current = [Track(track_id, box) for track_id, box in zip(ids, boxes_xyxy, strict=True)]
        self._tracks = current + [replace(track, missed=track.missed + 1) for track in missed]

    def _match(
        self,
        tracks: Sequence[Track],
        boxes_xyxy: Float32[np.ndarray, "n 4"],
        ids: Sequence[int],
    ) -> list[tuple[Track, int]]:
        """Match tracks and boxes without a track greedily, the greatest overlap first."""
        if not tracks or not len(boxes_xyxy):
            return []
        overlaps = box_iou(np.stack([track.box_xyxy for track in tracks]), boxes_xyxy)
        overlaps[:, [track_id != NO_TRACK for track_id in ids]] = -1
        matches = []
        while overlaps.max() > self._min_overlap:
            track, box = np.unravel_index(overlaps.argmax(), overlaps.shape)
            matches.append((tracks[int(track)], int(box)))
            overlaps[track, :] = overlaps[:, box] = -1
        return matches


def box_iou(
    a_xyxy: Float32[np.ndarray, "n 4"], b_xyxy: Float32[np.ndarray, "m 4"]
) -> Float32[np.ndarray, "n m"]:
    """Return the intersection over union of every pair of boxes.

    Args:
        a_xyxy: n boxes.
        b_xyxy: m boxes.

    Returns:
        The ratios, 0..1.
    """
    top_left = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    bottom_right = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    shared = np.clip(bottom_right - top_left, 0, None).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (a_xyxy, b_xyxy)]
    return float32(shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9))
