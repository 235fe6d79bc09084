"""Find the faces of a target, frame after frame, so that the work can be cut into segments and taken up again."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from faceloom.faces.find import Face, FaceFinder, FinderState
from faceloom.faces.steady import REACH, steady
from faceloom.video import Frame

# Frames of the segment before that are swapped once more at a segment's start, unseen: what is steadied over time
# has then settled. So segments can be drawn in any order, or on several machines, to the same bytes.
LEAD = 8


@dataclass(frozen=True, slots=True)
class Before:
    """What a segment must know of the LEAD frames before it: their times, and their faces, as found and as chosen."""

    pts: tuple[int, ...] = ()
    found: tuple[tuple[Face, ...], ...] = ()
    chosen: tuple[tuple[Face, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysisState:
    """What is known after the last frame of a segment. frame: the number of the next one."""

    frame: int
    finder: FinderState
    before: Before


@dataclass(frozen=True, slots=True)
class Seen:
    """An upright frame and its faces; `after` comes with the last frame of each segment."""

    frame: Frame
    faces: Sequence[Face]
    after: AnalysisState | None = None


class Analysis:
    """Looks at a target's frames in their order.

    segment: frames of a segment. batch: frames that are looked at together; a batch never reaches into the next
    segment, so that a run which begins at a segment computes the same numbers.
    """

    def __init__(self, finder: FaceFinder, *, first: int, segment: int, batch: int):
        self._finder = finder
        self._first, self._segment, self._batch = first, segment, batch
        self._states: dict[int, tuple[FinderState, tuple[tuple[Face, ...], ...]]] = {}
        self._recent: deque[tuple[Face, ...]] = deque(maxlen=LEAD)

    def run(self, frames: Iterable[Frame], state: AnalysisState | None = None) -> Iterator[Seen]:
        """Yield every frame with its faces; with a state, `frames` begin LEAD before the one it goes on at.

        Those first frames are not yielded: a run before this one did.
        """
        frames = iter(frames)
        known: list[tuple[Frame, Sequence[Face]]] = []
        chosen: deque[tuple[int, tuple[Face, ...]]] = deque(maxlen=LEAD)
        if state:
            self._finder.state = state.finder
            lead = list(islice(frames, len(state.before.pts)))
            self._recent.extend(state.before.found)
            known = list(zip(lead, state.before.found, strict=True))[-REACH:]
            chosen.extend(zip(state.before.pts, state.before.chosen, strict=True))
        found = steady(_chained(known, self._found(frames)), fill_gaps=True, known=len(known))
        for frame, faces in found:
            chosen.append((frame.pts, tuple(faces)))
            yield Seen(frame, faces, self._after(frame.index + 1, chosen))

    def _found(self, frames: Iterator[Frame]) -> Iterator[tuple[Frame, Sequence[Face]]]:
        for group in self._groups(frames):
            faces = self._finder.find([frame.rgb for frame in group])
            self._recent.extend(map(tuple, faces))
            end = group[-1].index + 1
            if self._is_boundary(end):
                self._states[end] = (self._finder.state, tuple(self._recent))
            yield from zip(group, faces, strict=True)

    def _groups(self, frames: Iterator[Frame]) -> Iterator[list[Frame]]:
        while first := next(frames, None):
            left = self._segment - (first.index - self._first) % self._segment
            yield [first, *islice(frames, min(self._batch, left) - 1)]

    def _is_boundary(self, number: int) -> bool:
        return (number - self._first) % self._segment == 0

    def _after(self, number: int, chosen: Iterable[tuple[int, tuple[Face, ...]]]) -> AnalysisState | None:
        if not self._is_boundary(number):
            return None
        finder, found = self._states.pop(number)
        pts, faces = zip(*chosen, strict=True)
        return AnalysisState(number, finder, Before(pts, found, faces))


def _chained(
    known: Iterable[tuple[Frame, Sequence[Face]]], found: Iterable[tuple[Frame, Sequence[Face]]]
) -> Iterator[tuple[Frame, Sequence[Face]]]:
    yield from known
    yield from found
