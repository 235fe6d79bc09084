"""All that a conversion carries from one frame to the next, so that it can be stored and taken up again."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from faceloom.faces.tracker import PATIENCE

# Arrays of one track, by name.
TrackNotes = dict[str, np.ndarray]

_TRACK, _WHOLE, _NUMBER, _UNSEEN = "track", "whole", "number", "unseen"


class Notes:
    """What one stage remembers: arrays of each track, arrays and whole numbers of the clip.

    What is known of a track goes when its number cannot come back: that is how a cut is forgotten.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.whole: dict[str, np.ndarray] = {}
        self._tracks: dict[int, TrackNotes] = {}
        self._unseen: dict[int, int] = {}

    def begin_frame(self, tracks: Iterable[int]) -> None:
        """Tell which tracks the next frame shows; to be called for every frame, in order."""
        here = set(tracks)
        for track in here:
            self._unseen[track] = 0
        for track in [track for track in self._unseen if track not in here]:
            self._unseen[track] += 1
            if self._unseen[track] > PATIENCE:
                del self._unseen[track]
                self._tracks.pop(track, None)

    def of(self, track: int) -> TrackNotes:
        """Return what is remembered of a track, to be read and written."""
        return self._tracks.setdefault(track, {})

    def knows(self, track: int) -> bool:
        """Whether a track was seen lately."""
        return track in self._unseen

    def count(self, name: str, step: int = 1) -> int:
        """Add to a number that begins at 0, and return it."""
        self.numbers[name] = self.numbers.get(name, 0) + step
        return self.numbers[name]

    def clear(self) -> None:
        """Forget everything."""
        for part in (self.numbers, self.whole, self._tracks, self._unseen):
            part.clear()

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything as arrays by name."""
        arrays = {
            f"{_NUMBER}/{name}": np.array(value, np.int64) for name, value in self.numbers.items()
        }
        arrays |= {f"{_WHOLE}/{name}": value for name, value in self.whole.items()}
        arrays |= {
            f"{_UNSEEN}/{track}": np.array(value, np.int64) for track, value in self._unseen.items()
        }
        for track, notes in self._tracks.items():
            arrays |= {f"{_TRACK}/{track}/{name}": value for name, value in notes.items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Notes":
        """Return notes that go on as those did that `to_arrays` was asked of."""
        notes = cls()
        for key, value in arrays.items():
            kind, name = key.split("/", 1)
            if kind == _WHOLE:
                notes.whole[name] = np.array(value)
            elif kind == _TRACK:
                track, what = name.split("/", 1)
                notes.of(int(track))[what] = np.array(value)
            elif kind == _UNSEEN:
                notes._unseen[int(name)] = int(value)
            else:
                notes.numbers[name] = int(value)
        return notes


class Memory:
    """All that a conversion remembers, a part for each stage: the stages may be at different frames."""

    def __init__(self, choosing: Notes | None = None, blending: Notes | None = None):
        self.choosing = choosing or Notes()
        self.blending = blending or Notes()

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything as plain arrays, for `numpy.savez`; ask when both stages have done the same frames."""
        parts = {"choosing": self.choosing, "blending": self.blending}
        return {
            f"{part}/{key}": value
            for part, notes in parts.items()
            for key, value in notes.to_arrays().items()
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> "Memory":
        """Return a memory from which a conversion goes on to the very same pictures."""
        parts: dict[str, dict[str, np.ndarray]] = {"choosing": {}, "blending": {}}
        for key in arrays:
            part, name = key.split("/", 1)
            parts[part][name] = arrays[key]
        return cls(Notes.from_arrays(parts["choosing"]), Notes.from_arrays(parts["blending"]))
