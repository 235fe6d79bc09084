"""Frames in which a source has no face after an earlier frame gave it one."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from faceloom.array_types import Affine, Mask, Rgb
from faceloom.choices import OnMissing
from faceloom.errors import NoFaceFound
from faceloom.faces.tracker import MAX_MISSED_FRAMES
from faceloom.swap.selection.track_state import TrackState
from faceloom.video import Frame

# A blended crop, its mask, and the map from the frame to both.
PastedCrop: TypeAlias = tuple[Rgb, Mask, Affine]

# Prefix of the counters of the sources that had a face.
_HAD = "had/"
_PARTS = ("face", "mask", "map")
# Frames for which the last face is pasted again. Later the head has moved on, and a face that
# returns counts as a new track.
_MAX_HELD_FRAMES = MAX_MISSED_FRAMES


class LostFaceDetector:
    """Tells which sources lost their face, and counts such frames in the state.

    Gaps of up to seven frames within a shot are filled before (see `temporal_smoothing`) and do
    not count.
    """

    def __init__(self, state: TrackState):
        self._state = state

    def forget(self) -> None:
        """Forget which sources had a face: none is lost until it has one again."""
        counters = self._state.counters
        for name in [name for name in counters if name.startswith(_HAD)]:
            del counters[name]

    def lost_sources(self, frame: Frame, present: set[int], policy: OnMissing) -> tuple[int, ...]:
        """Return the sources without a face in the next frame that had one before.

        Args:
            frame: the frame.
            present: the sources that have a face in it.
            policy: what happens to a frame that lost its face.

        Returns:
            Source indices in ascending order.

        Raises:
            NoFaceFound: a face is lost and the policy is "fail".
        """
        counters = self._state.counters
        earlier = sorted(int(name.removeprefix(_HAD)) for name in counters if name.startswith(_HAD))
        lost = tuple(source for source in earlier if source not in present)
        counters |= {f"{_HAD}{source}": 1 for source in present}
        self._state.add("missing", bool(lost))
        if lost and policy == "fail":
            raise NoFaceFound(
                f"The face was lost in frame {frame.index} ({frame.seconds:.2f} s) and "
                "--on-missing fail stops there; use keep to leave such frames unchanged, or last "
                "to paste the last face again."
            )
        return lost


class LastFaces:
    """Keeps each source's last pasted face, for the policy "last"."""

    def __init__(self, state: TrackState, *, enabled: bool):
        """Keep faces in a state.

        Args:
            state: where they are kept.
            enabled: whether any frame has the policy "last"; else nothing is kept.
        """
        self.enabled = enabled
        """Whether faces are kept."""
        self._state = state

    def keep(self, source: int, pasted: PastedCrop) -> None:
        """Store the face that was pasted for a source.

        Args:
            source: the source's index.
            pasted: the crop, its mask, and the map from the frame.
        """
        if self.enabled:
            self._state.clip |= {
                f"{part}/{source}": array for part, array in zip(_PARTS, pasted, strict=True)
            }
            self._state.counters[f"held/{source}"] = 0

    def replacements(self, lost: Sequence[int], *, shot_start: bool) -> list[PastedCrop]:
        """Return the last faces of the sources that lost theirs, within their shot.

        Args:
            lost: the indices of those sources.
            shot_start: whether the frame starts a shot; then their last faces are deleted.

        Returns:
            What is pasted again; nothing for a source that lost its face long ago.
        """
        clip = self._state.clip
        if shot_start:
            for name in [name for name in clip if int(name.partition("/")[2]) in lost]:
                del clip[name]
        held = [
            source
            for source in lost
            if f"face/{source}" in clip and self._state.add(f"held/{source}") <= _MAX_HELD_FRAMES
        ]
        return [tuple(np.array(clip[f"{part}/{source}"]) for part in _PARTS) for source in held]  # type: ignore[misc]
