"""State that a pipeline stage carries from frame to frame, and its form as arrays."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np

from faceloom.faces.tracker import MAX_MISSED_FRAMES

# The state of one track: arrays by name.
TrackArrays: TypeAlias = dict[str, np.ndarray]

# First parts of the names that `to_arrays` gives.
_TRACK = "track"
_CLIP = "clip"
_COUNTER = "counter"
_MISSED = "missed"


class TrackState:
    """The state of one stage: arrays of each track, and arrays and counters of the clip.

    A track's arrays are deleted as soon as its number cannot return; so they do not outlive a cut.
    """

    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        """Integers of the clip by name."""
        self.clip: dict[str, np.ndarray] = {}
        """Arrays of the clip by name."""
        self._tracks: dict[int, TrackArrays] = {}
        self._missed: dict[int, int] = {}

    def begin_frame(self, tracks: Iterable[int]) -> None:
        """Start the next frame and delete expired tracks. Call it for every frame, in order.

        Args:
            tracks: the numbers of the tracks that the frame shows.
        """
        present = set(tracks)
        for track in present:
            self._missed[track] = 0
        for track in [track for track in self._missed if track not in present]:
            self._missed[track] += 1
            if self._missed[track] > MAX_MISSED_FRAMES:
                del self._missed[track]
                self._tracks.pop(track, None)

    def of_track(self, track: int) -> TrackArrays:
        """Return a track's arrays, to read and to write.

        Args:
            track: the track's number.
        """
        return self._tracks.setdefault(track, {})

    def is_active(self, track: int) -> bool:
        """Tell whether a track appeared recently enough to return.

        Args:
            track: the track's number.
        """
        return track in self._missed

    def add(self, counter: str, step: int = 1) -> int:
        """Add to a counter, which starts at 0.

        Args:
            counter: its name.
            step: what is added.

        Returns:
            The new value.
        """
        self.counters[counter] = self.counters.get(counter, 0) + step
        return self.counters[counter]

    def clear_tracks(self) -> None:
        """Delete the arrays of all tracks; which tracks are active stays known."""
        self._tracks.clear()

    def clear(self) -> None:
        """Delete everything."""
        for part in (self.counters, self.clip, self._tracks, self._missed):
            part.clear()

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the whole state as arrays by name, for `from_arrays`."""
        arrays = {
            f"{_COUNTER}/{name}": np.array(value, np.int64) for name, value in self.counters.items()
        }
        arrays |= {f"{_CLIP}/{name}": value for name, value in self.clip.items()}
        arrays |= {
            f"{_MISSED}/{track}": np.array(value, np.int64) for track, value in self._missed.items()
        }
        for track, named in self._tracks.items():
            arrays |= {f"{_TRACK}/{track}/{name}": value for name, value in named.items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "TrackState":
        """Restore the state saved by `to_arrays`.

        Args:
            arrays: what `to_arrays` returned.

        Returns:
            A state that behaves as the saved one.

        Raises:
            ValueError: a name is not one of `to_arrays`.
        """
        state = cls()
        for key, value in arrays.items():
            kind, name = key.split("/", 1)
            if kind == _CLIP:
                state.clip[name] = np.array(value)
            elif kind == _TRACK:
                track, array = name.split("/", 1)
                state.of_track(int(track))[array] = np.array(value)
            elif kind == _MISSED:
                state._missed[int(name)] = int(value)
            else:
                state.counters[name] = int(value)
        return state
