"""When a swap's eyes are open where the target's are shut, and the other way round."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from faceloom.compare.eyes_and_mouth import SURELY_OPEN
from faceloom.compare.metrics import Series
from faceloom.faces.expression import SHUT
from faceloom.faces.parsing.occlusion import Span, join_spans

# Frames between two wrong frames of one moment: in between, a lid is on its way.
_GAP = 3
# Moments that a sentence names.
_NAMED_MOMENTS = 5
_OPEN = "open where the target's are shut"
_SHUT = "shut where the target's are open"


@dataclass(frozen=True, slots=True)
class EyeMoments:
    """The frames of a swap whose eyes are not as the target's."""

    shut_frames: int = 0
    """Number of frames in which the target's eyes are shut."""
    wrongly_open: tuple[int, ...] = ()
    """Indices of those in which the swap's eyes are open."""
    wrongly_shut: tuple[int, ...] = ()
    """Indices of the frames in which the swap's eyes are shut and the target's open."""
    frame_rate: float | None = None
    """Frames per second; None if they are unknown, or the frames are stills."""

    @classmethod
    def find(
        cls, swap: Series, target: Series, frames: Sequence[int], frame_rate: float | None
    ) -> "EyeMoments":
        """Compare the lids of two versions.

        Args:
            swap: The swap's lid opening relative to its open eyes, per frame.
            target: The target's.
            frames: Frame indices, as many as values.
            frame_rate: Frames per second, if known.
        """
        indices = np.asarray(frames)
        opened = indices[(target < SHUT) & (swap >= SURELY_OPEN)]
        closed = indices[(target >= SURELY_OPEN) & (swap < SHUT)]
        return cls(
            int((target < SHUT).sum()), tuple(opened.tolist()), tuple(closed.tolist()), frame_rate
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "EyeMoments":
        """Read the object `eyes` of `faceloom compare --json`.

        Args:
            data: The parsed JSON object; empty for a comparison that did not measure eyes.
        """
        if not data:
            return cls()
        return cls(
            data["shut_frames"],
            tuple(data["wrongly_open"]),
            tuple(data["wrongly_shut"]),
            data["frame_rate"],
        )

    def to_text(self) -> str:
        """Return a sentence with the moments; empty if the eyes are as the target's."""
        parts = []
        if self.wrongly_open:
            share = f"in {len(self.wrongly_open)} of {self.shut_frames} such frames"
            parts.append(f"{_OPEN} {share}: {self._moments(self.wrongly_open)}")
        if self.wrongly_shut:
            parts.append(f"{_SHUT} {self._moments(self.wrongly_shut)}")
        return f"The swap's eyes are {'; they are '.join(parts)}." if parts else ""

    def at(self, frame: int) -> str:
        """Return what is wrong with the eyes in a frame; empty if nothing is.

        Args:
            frame: Frame index.
        """
        for frames, fault in ((self.wrongly_open, _OPEN), (self.wrongly_shut, _SHUT)):
            if frame in frames:
                return f"eyes {fault} {self._name((frame, frame))}"
        return ""

    def worst_frames(self) -> tuple[int, ...]:
        """Return the middle frame of each of the longest moments."""
        return tuple(
            min(frames, key=lambda frame: abs(frame - (start + end) / 2))
            for frames in (self.wrongly_open, self.wrongly_shut)
            for start, end in _longest(join_spans(_points(frames), _GAP))
        )

    def _moments(self, frames: Sequence[int]) -> str:
        spans = join_spans(_points(frames), _GAP)
        named = _longest(spans)
        others = len(spans) - len(named)
        more = f" and {others} more" if others else ""
        return ", ".join(map(self._name, named)) + more

    def _name(self, span: Span) -> str:
        if self.frame_rate is None:
            first, last = (f"{frame:.0f}" for frame in span)
            return f"at frame {first}" if first == last else f"at frames {first} to {last}"
        start, end = (f"{frame / self.frame_rate:.1f}" for frame in span)
        return f"at {start} s" if start == end else f"at {start} to {end} s"


def _points(frames: Iterable[int]) -> list[Span]:
    return [(frame, frame) for frame in frames]


def _longest(spans: Sequence[Span]) -> list[Span]:
    """Return the longest spans in ascending order."""
    return sorted(sorted(spans, key=lambda span: span[0] - span[1])[:_NAMED_MOMENTS])
