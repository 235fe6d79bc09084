"""The faces of a clip with the track numbers of a conversion, which count from its first frame."""

import time
from dataclasses import dataclass

from faceloom.faces.face_finder import FaceFinder, FinderState
from faceloom.faces.temporal_smoothing import SMOOTHING_RADIUS
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.studio.stills.frame_chains import FaceChain
from faceloom.swap.options import SwapOptions
from faceloom.swap.pipeline.analysis import RecentFaces
from faceloom.swap.preview.frame_lead_in import first_frame
from faceloom.video.display import frame_to_upright

# Frames between two states that are kept. A state takes 30 kB per face, and at most so many frames
# are analyzed again for a still.
_INTERVAL = 25


@dataclass(frozen=True, slots=True)
class _State:
    """What the analysis of the next frames depends on."""

    finder: FinderState
    """The state of the face finder."""
    recent: RecentFaces
    """All faces of the last `SMOOTHING_RADIUS` frames."""


class TrackAnalysis:
    """Analyzes a clip once, from its first frame on, and keeps the states to continue from."""

    def __init__(self, frames: ClipFrames, finder: FaceFinder):
        """Start before the first frame.

        Args:
            frames: The clip.
            finder: A finder, whose networks are used.
        """
        self._frames = frames
        self._finder = finder.for_new_video()
        self._recent: RecentFaces = ()
        self._states = [_State(self._finder.state, ())]
        self._done = 0

    def advance(self, index: int, seconds: float) -> int:
        """Analyze the frames before a still's lead-in for a limited time, at least one frame.

        Args:
            index: Index of the still's frame.
            seconds: Time after which it stops.

        Returns:
            The number of frames that must still be analyzed; 0 if `chain` needs no more.

        Raises:
            UsageError: The clip has no such frame.
            MediaUnreadable: A frame cannot be read.
        """
        self._frames.check(index)
        end = _state_before(index) * _INTERVAL
        stop_time = time.monotonic() + seconds
        for frame in self._frames.frames(self._done, end - 1):
            picture = frame_to_upright(frame, self._frames.info).square_rgb
            (faces,) = self._finder.find([picture])
            self._recent = (*self._recent, tuple(faces))[-SMOOTHING_RADIUS:]
            self._done += 1
            if self._done % _INTERVAL == 0:
                self._states.append(_State(self._finder.state, self._recent))
            if time.monotonic() > stop_time:
                break
        return max(0, end - self._done)

    def chain(self, index: int) -> FaceChain:
        """Start a chain of a frame and of its lead-in.

        Args:
            index: Index of the frame.

        Raises:
            UsageError: The clip has no such frame.
            MediaUnreadable: A frame cannot be read.
        """
        self.advance(index, float("inf"))
        number = _state_before(index)
        finder = self._finder.for_new_video()
        finder.state = self._states[number].finder
        return FaceChain(number * _INTERVAL, finder, recent=self._states[number].recent)


def _state_before(index: int) -> int:
    """Return the number of the last state at the start of a frame's lead-in or before it."""
    return first_frame(index, SwapOptions()) // _INTERVAL
