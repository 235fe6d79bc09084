"""When something stands before the faces of a video."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from faceloom.array_types import Mask
from faceloom.faces.parsing.regions import Region, RegionMap, share_of_mask

# The first and the last frame of a span, as indices or in seconds.
Span: TypeAlias = tuple[float, float]

# What stands before a face, as opposed to what belongs to it: hair and glasses.
OCCLUDERS = (Region.OCCLUDER, Region.CLOTH)
# Share of a face from which something stands before it: two fingers at the chin. A collar at the
# edge of the mesh has less.
STANDS_BEFORE = 0.03
# Seconds of a short break that does not end a span.
_BREAK = 0.5
# The same in intervals of sampled frames: one frame in which a hand is not seen.
_SAMPLED_BREAK = 2.5
# Spans that a sentence names.
_NAMED_SPANS = 5


@dataclass(frozen=True, slots=True)
class Occlusion:
    """The frames of a video in which something stands before a face."""

    frames: int = 0
    """How many they are."""
    spans: tuple[Span, ...] = ()
    """Presentation times of the first and the last frame of each span, in seconds."""

    def __add__(self, other: "Occlusion") -> "Occlusion":
        """Append the frames of a later part of the video."""
        spans = join_spans((*self.spans, *other.spans), _BREAK)
        return Occlusion(self.frames + other.frames, spans)

    @classmethod
    def at(cls, times: Iterable[float], interval: float = 0.0) -> "Occlusion":
        """Collect frames.

        Args:
            times: The presentation times of the frames that are occluded, in seconds.
            interval: Seconds between two frames that were looked at.
        """
        points = [(time, time) for time in times]
        return cls(len(points), join_spans(points, max(_BREAK, _SAMPLED_BREAK * interval)))

    def to_text(self, faces: int) -> str:
        """Return a sentence with the share of the frames and the times; empty without any.

        Args:
            faces: Number of frames with a face.
        """
        return occlusion_sentence(self.frames / max(faces, 1), self.spans, _seconds)


def occluded_share(regions: RegionMap, mesh_mask: Mask) -> float:
    """Return the share of a face that hands, clothes or other things hide.

    Args:
        regions: The regions of a crop.
        mesh_mask: The mesh mask of the same crop.

    Returns:
        0 to 1.
    """
    return share_of_mask(regions, OCCLUDERS, mesh_mask)


def join_spans(spans: Iterable[Span], gap: float) -> tuple[Span, ...]:
    """Join spans that are not far apart.

    Args:
        spans: In ascending order.
        gap: Largest distance between the end of a span and the start of the next to join.

    Returns:
        The joined spans.
    """
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def occlusion_sentence(share: float, spans: Iterable[Span], name: Callable[[Span], str]) -> str:
    """Return a sentence on when something stands before the face; empty without a span.

    Args:
        share: Share of the frames with a face in which something does.
        spans: When; the longest are named.
        name: Names a span.
    """
    found = list(spans)
    if not found:
        return ""
    if share == 1 and len(found) == 1 and found[0][0] == found[0][1]:
        return "Something stands before the face."
    longest = sorted(found, key=lambda span: span[0] - span[1])[:_NAMED_SPANS]
    named = ", ".join(name(span) for span in sorted(longest))
    others = len(found) - len(longest)
    more = f" and {others} shorter {'span' if others == 1 else 'spans'}" if others else ""
    percent = f"{100 * share:.0f}" if share >= 0.01 else "under 1"
    return (
        f"Something stands before the face in {percent} % of the frames with a face: {named}{more}."
    )


def _seconds(span: Span) -> str:
    start, end = (f"{time:.1f}" for time in span)
    return f"{start} s" if start == end else f"{start} to {end} s"
