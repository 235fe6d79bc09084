"""Draw a target's frames anew, a segment at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from faceloom.swap.swapper import FrameSwapper, Moment
from faceloom.video import Frame


def render_segment(
    swapper: FrameSwapper, lead: Sequence[Moment], groups: Iterable[Sequence[Moment]]
) -> Iterator[list[Frame]]:
    """Yield the frames of a segment, swapped in place, in the same groups; the faces of a group are drawn together.

    lead: the moments before it (see `analysis.LEAD`), whose pictures nobody needs any more. What is steadied over
    time settles on them, and nothing else is remembered of what was before.
    """
    swapper.forget_blending()
    _render(swapper, lead)
    for group in groups:
        yield _render(swapper, group)


def _render(swapper: FrameSwapper, group: Sequence[Moment]) -> list[Frame]:
    drawn = swapper.draw(group)
    blended = [swapper.blend(moment, faces) for moment, faces in zip(group, drawn, strict=True)]
    return [replace(moment.frame, changed=made.changed) for moment, made in zip(group, blended, strict=True)]
