"""Find and choose the faces of a target, frame after frame, so that the work can be cut into segments and taken up."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from faceloom.faces.face_finder import Face, FaceFinder, FinderState
from faceloom.faces.temporal_smoothing import REACH, steady
from faceloom.swap.pipeline.frame_swapper import FaceChoice, Moment
from faceloom.video import Frame

# Frames of the segment before that are swapped once more at a segment's start, unseen: what is steadied over time
# has then settled. So segments can be drawn in any order, or on several machines, to the same bytes.
LEAD = 8
# The detector looks at every so-manyth frame; in between the mesh follows.
DETECT_EVERY = 5

Found = tuple[tuple[Face, ...], ...]


@dataclass(frozen=True, slots=True)
class ChosenFaces:
    """The faces of a frame that are swapped, as in `Moment`, without the frame. pts: when that is shown."""

    pts: int
    faces: tuple[tuple[Face, int], ...]
    lost: tuple[int, ...]
    begins_shot: bool

    @classmethod
    def of(cls, moment: Moment) -> "ChosenFaces":
        """Take the frame away."""
        return cls(moment.frame.pts, moment.faces, moment.lost, moment.begins_shot)

    def at(self, frame: Frame) -> Moment:
        """Put a frame to it again."""
        return Moment(frame, self.faces, self.lost, self.begins_shot)


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """What is known after the last frame of a segment: enough to go on as if the work had never stopped.

    frame: the number of the next one. lead: the chosen faces of the last LEAD frames, or of all if these are fewer.
    found: all faces of the last REACH. choosing: what the choice remembers (see `Notes.to_arrays`).
    """

    frame: int
    finder: FinderState
    lead: tuple[ChosenFaces, ...]
    found: Found
    choosing: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is to be done with a frame; `after` comes with the last frame of each segment."""

    moment: Moment
    after: AnalysisState | None = None


class Analysis:
    """Looks at a target's upright frames in their order.

    first: the number of the first one of all. segment: frames of a segment. batch: frames that are looked at together;
    they are all of one segment, so that a run which begins at a segment computes the same numbers.
    """

    def __init__(
        self, finder: FaceFinder, choice: FaceChoice, *, first: int, segment: int, batch: int
    ):
        self._finder, self._choice = finder, choice
        self._first, self._segment, self._batch = first, segment, batch
        self._ends: dict[int, tuple[FinderState, Found]] = {}
        self._recent: deque[tuple[Face, ...]] = deque(maxlen=REACH)
        self._lead: deque[ChosenFaces] = deque(maxlen=LEAD)

    def run(self, frames: Iterable[Frame], state: AnalysisState | None = None) -> Iterator[Seen]:
        """Yield every frame with its chosen faces.

        With a state, of which `choice` knows already, the first of `frames` are those of its lead: another run
        yielded them, so this one does not.
        """
        frames = iter(frames)
        known: list[tuple[Frame, Sequence[Face]]] = []
        if state:
            lead = list(islice(frames, len(state.lead)))
            self._finder.state = state.finder
            self._recent.extend(state.found)
            self._lead.extend(state.lead)
            known = list(zip(lead[-len(state.found) :], state.found, strict=True))
        for frame, faces in steady(
            chain(known, self._found(frames)), fill_gaps=True, known=len(known)
        ):
            moment = self._choice.choose(frame, faces)
            self._lead.append(ChosenFaces.of(moment))
            yield Seen(moment, self._after(frame.index + 1))

    def _found(self, frames: Iterator[Frame]) -> Iterator[tuple[Frame, Sequence[Face]]]:
        for group in self._groups(frames):
            faces = self._finder.find([frame.rgb for frame in group])
            self._recent.extend(map(tuple, faces))
            end = group[-1].index + 1
            if self._is_end(end):
                self._ends[end] = (self._finder.state, tuple(self._recent))
            yield from zip(group, faces, strict=True)

    def _groups(self, frames: Iterator[Frame]) -> Iterator[list[Frame]]:
        while first := next(frames, None):
            left = self._segment - (first.index - self._first) % self._segment
            yield [first, *islice(frames, min(self._batch, left) - 1)]

    def _is_end(self, number: int) -> bool:
        return (number - self._first) % self._segment == 0

    def _after(self, number: int) -> AnalysisState | None:
        if not self._is_end(number):
            return None
        finder, found = self._ends.pop(number)
        return AnalysisState(number, finder, tuple(self._lead), found, self._choice.to_arrays())
