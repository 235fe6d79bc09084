"""The faces of a clip with the track numbers of a conversion, which count from its first frame."""

import time
from dataclasses import dataclass

from faceloom.faces.face_finder import FaceFinder, FinderState
from faceloom.faces.temporal_smoothing import SMOOTHING_RADIUS
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.studio.stills.frame_chains import FaceChain
from faceloom.swap.pipeline.analysis import RecentFaces
from faceloom.swap.preview.frame_lead_in import first_frame

# Frames between two states that are kept, at first. A state takes 30 kB per face, and at most so
# many frames are analyzed again for a still.
_INTERVAL = 25
# Most states that are kept; with more, every second one is dropped. 50,000 frames reach it.
_MAX_STATES = 2000


@dataclass(frozen=True, slots=True)
class _State:
    """State of the analysis after some frames, from which it continues."""

    finder: FinderState
    """The state of the face finder."""
    recent: RecentFaces
    """All faces of the last `SMOOTHING_RADIUS` frames."""


class TrackAnalysis:
    """Analyzes a clip once, from its first frame on, and keeps the states to continue from."""

    def __init__(self, finder: FaceFinder):
        """Start before the first frame.

        Args:
            finder: A finder that has processed no frame.
        """
        self._finder = finder
        self._recent: RecentFaces = ()
        self._interval = _INTERVAL
        # States before the frames whose index is a multiple of the interval.
        self._states = [_State(finder.state, ())]
        self._done = 0

    def advance(self, frames: ClipFrames, index: int, seconds: float) -> int:
        """Analyze the frames before a still's lead-in for a limited time, at least one frame.

        Args:
            frames: The clip.
            index: Index of the still's frame.
            seconds: Time after which it stops.

        Returns:
            The number of frames that must still be analyzed; 0 if `chain` needs no more.

        Raises:
            UsageError: The clip has no such frame.
            MediaUnreadable: A frame cannot be read.
        """
        frames.check(index)
        end = self._state_before(index) * self._interval
        stop_time = time.monotonic() + seconds
        for frame in frames.frames(self._done, end - 1):
            (faces,) = self._finder.find([frame.square_rgb])
            self._recent = (*self._recent, tuple(faces))[-SMOOTHING_RADIUS:]
            self._done += 1
            if self._done % self._interval == 0:
                self._keep_state()
            if time.monotonic() > stop_time:
                break
        return max(0, end - self._done)

    def chain(self, frames: ClipFrames, index: int) -> FaceChain:
        """Start a chain of a frame and of its lead-in.

        Args:
            frames: The clip.
            index: Index of the frame.

        Raises:
            UsageError: The clip has no such frame.
            MediaUnreadable: A frame cannot be read.
        """
        self.advance(frames, index, float("inf"))
        number = self._state_before(index)
        state, finder = self._states[number], self._finder.for_new_video()
        finder.state = state.finder
        return FaceChain(number * self._interval, finder, recent=state.recent)

    def _keep_state(self) -> None:
        self._states.append(_State(self._finder.state, self._recent))
        if len(self._states) > _MAX_STATES:
            self._states, self._interval = self._states[::2], 2 * self._interval

    def _state_before(self, index: int) -> int:
        """Return the number of the last state at the start of a frame's lead-in or before it."""
        return first_frame(index) // self._interval
