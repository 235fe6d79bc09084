"""Chains of successive frames of a clip: their faces, and the predictions for these.

A chain starts at a first frame and grows by one frame at a time. The result for a frame depends on
the first frame of its chain, and not on the order of the requests.
"""

import time
from collections.abc import Hashable, Sequence

from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.temporal_smoothing import SMOOTHING_RADIUS, smooth_alignment
from faceloom.studio.stills.clip_frames import ClipFrames
from faceloom.studio.stills.still_options import StillOptions
from faceloom.studio.stills.swap_stages import OpenSources, PredictedFrame, Prediction
from faceloom.swap.pipeline.selected_frame import AlignedFrame, SelectedFrame
from faceloom.swap.preview.frame_lead_in import FRAME_LEAD_IN
from faceloom.swap.selection.face_selector import FaceSelector


class FaceChain:
    """The faces of successive frames, smoothed over time."""

    def __init__(
        self,
        first: int,
        finder: FaceFinder,
        *,
        recent: Sequence[Sequence[Face]] = (),
        alone: bool = False,
    ):
        """Start a chain.

        Args:
            first: Index of its first frame.
            finder: A finder that has processed no frame, or those before the first one.
            recent: The faces of the last frames before the first one, as the finder found them.
            alone: Whether the chain is this frame alone, which is smoothed with no other.
        """
        # Index of the first frame in `_measured`.
        self._start = first - len(recent)
        self._finder = finder
        self._lookahead = 0 if alone else SMOOTHING_RADIUS
        self._measured = [list(faces) for faces in recent]

    def faces_at(self, frames: ClipFrames, index: int) -> list[Face]:
        """Return the faces of a frame, and find those of the frames before it.

        Args:
            frames: The clip.
            index: Index of the frame, not before the first one.

        Raises:
            MediaUnreadable: A frame cannot be read.
        """
        place, last = index - self._start, index + self._lookahead
        for frame in frames.frames(self._start + len(self._measured), last):
            self._measured.append(self._finder.find([frame.square_rgb])[0])
        context = self._measured[max(0, place - SMOOTHING_RADIUS) : place]
        following = self._measured[place : place + self._lookahead + 1]
        rows = [(None, faces) for faces in following]
        _, faces = next(smooth_alignment(rows, fill_gaps=True, context=context))
        return faces


class SwapChain:
    """The predictions for the selected faces of successive frames."""

    def __init__(self, first: int, faces: FaceChain, sources: OpenSources, options: StillOptions):
        """Start a chain.

        Args:
            first: Index of its first frame.
            faces: The faces, from this frame or an earlier one on.
            sources: The bundles and people.
            options: Which faces are swapped.
        """
        sections = [(section, sources.people) for section in options.sections]
        self._selector = FaceSelector(options.options, sources.people, sections=sections)
        self._swapper = sources.swapper
        self.first = first
        """Index of the first frame."""
        self._faces = faces
        self._aligned: list[AlignedFrame] = []
        self._predicted: dict[int, PredictedFrame] = {}

    def advance(self, frames: ClipFrames, index: int, seconds: float) -> int:
        """Run the network on a frame and its lead-in for a limited time, at least on one frame.

        Args:
            frames: The clip.
            index: Index of the frame, not before the first one of the chain.
            seconds: Time after which it stops.

        Returns:
            The number of frames that are left.

        Raises:
            MediaUnreadable: A frame cannot be read.
        """
        stop_time = time.monotonic() + seconds
        unaligned = range(self.first + len(self._aligned), index + 1)
        unpredicted = self._lead_in(index) - self._predicted.keys()
        missing = sorted({*unaligned, *unpredicted})
        for count, position in enumerate(missing, 1):
            if position in unaligned:
                self._align(frames, position)
            if position in unpredicted:
                self._predict(position)
            if time.monotonic() > stop_time:
                return len(missing) - count
        return 0

    def with_lead_in(self, frames: ClipFrames, index: int) -> list[PredictedFrame]:
        """Return the frames of a lead-in and the one after them.

        Args:
            frames: The clip.
            index: Index of the last frame, not before the first one of the chain.

        Raises:
            MediaUnreadable: A frame cannot be read.
        """
        self.advance(frames, index, float("inf"))
        return [self._predicted[position] for position in sorted(self._lead_in(index))]

    def _lead_in(self, index: int) -> set[int]:
        """Return the indices of a frame and of its lead-in."""
        return set(range(max(self.first, index - FRAME_LEAD_IN), index + 1))

    def _align(self, frames: ClipFrames, position: int) -> None:
        faces = self._faces.faces_at(frames, position)
        (frame,) = frames.frames(position, position)
        selected = SelectedFrame(frame, self._selector.select(frame, faces))
        self._aligned.append(self._swapper.align(selected))

    def _predict(self, position: int) -> None:
        aligned = self._aligned[position - self.first]
        # A batch of one, as in `write_frame_debug`, so that the order of stills changes no bit.
        (faces,) = self._swapper.predict([aligned])
        self._predicted[position] = PredictedFrame(aligned.selection, tuple(faces))


def run_network(key: Hashable, chain: SwapChain, frames: ClipFrames, index: int) -> Prediction:
    """Run the network on the faces of a frame and of its lead-in, where the chain has not.

    Args:
        key: What the result depends on.
        chain: The chain that the frame and its lead-in belong to.
        frames: The clip.
        index: Index of the frame.

    Raises:
        MediaUnreadable: A frame cannot be read.
    """
    *lead_in, last = chain.with_lead_in(frames, index)
    (frame,) = frames.frames(index, index)
    return Prediction(key, tuple(lead_in), SelectedFrame(frame, last.selection), last.faces)
