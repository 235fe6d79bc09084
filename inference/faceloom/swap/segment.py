"""Cut a target's frames into segments, which are swapped and encoded each for itself."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from faceloom.swap.analysis import LEAD, AnalysisState, Seen
from faceloom.swap.swapper import Moment
from faceloom.swap.target import Target

# Frames of a segment: so many are lost at the most when the work is killed. Encoders set a key frame as often anyway.
SEGMENT = 250


def segments(seen: Iterator[Seen], batch: int) -> Iterator[Iterator[list[Seen]]]:
    """Yield each segment as groups of up to `batch` frames; take all groups of one before the next."""
    for first in seen:
        yield _groups(first, seen, batch)


def _groups(first: Seen, seen: Iterator[Seen], batch: int) -> Iterator[list[Seen]]:
    group = [first]
    while group[-1].after is None and (one := next(seen, None)):
        if len(group) == batch:
            yield group
            group = []
        group.append(one)
    yield group


class Lead:
    """The moments before a segment, with their pictures as they were.

    first: the number of the first frame of all. Only the last LEAD frames of a segment are copied.
    """

    def __init__(self, first: int, segment: int, moments: Sequence[Moment] = ()):
        self._first, self._segment = first, segment
        self._moments = deque(moments, LEAD)

    def add(self, moments: Sequence[Moment]) -> None:
        """Copy what is needed of moments whose pictures are about to be changed."""
        for moment in moments:
            place = (moment.frame.index - self._first) % self._segment
            if place >= self._segment - LEAD:
                frame = replace(moment.frame, rgb=moment.frame.rgb.copy(), coded=None)
                self._moments.append(replace(moment, frame=frame))

    def take(self) -> list[Moment]:
        """Return copies of the moments: they may be changed."""
        return [replace(moment, frame=replace(moment.frame, rgb=moment.frame.rgb.copy())) for moment in self._moments]


def lead_of(target: Target, state: AnalysisState | None) -> list[Moment]:
    """Read the lead of a state again."""
    if state is None:
        return []
    return [chosen.at(frame) for chosen, frame in zip(state.lead, target.read(state), strict=False)]
