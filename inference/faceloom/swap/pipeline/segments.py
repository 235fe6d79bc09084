"""Cut a target's frames into segments, which are swapped and encoded each for itself."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from faceloom.background_writer import write_behind
from faceloom.prefetch import read_ahead
from faceloom.progress import Progress, ProgressGenerator
from faceloom.swap.pipeline.analysis import LEAD, AnalysisState, ChosenFaces, Seen
from faceloom.swap.pipeline.frame_swapper import CutMoment, DrawnFace, FrameSwapper, Moment
from faceloom.swap.pipeline.resume_store import Done
from faceloom.swap.pipeline.target import Target
from faceloom.video import Frame, PictureWriter
from faceloom.video.rotation import frame_as_coded

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


def ahead_of(batch: int) -> int:
    """Return how many frames may wait between two stages: enough to keep both busy, few enough for large frames."""
    return max(1, batch // 4)


@dataclass(slots=True)
class Clock:
    """What progress is told by: frames to convert, if known, those done so far, and when the work began."""

    frames: int | None
    done: int
    started: float
    new: int = 0

    def tell(self, frames: int) -> Progress:
        """Count frames that were done, and say how far the work is."""
        self.done, self.new = self.done + frames, self.new + frames
        rate = self.new / max(time.monotonic() - self.started, 1e-6)
        return Progress("convert", self.done, self.frames, f"{rate:.1f} frames/s")


Drawn = tuple[list[Moment], list[list[DrawnFace]], AnalysisState | None]
# The last LEAD moments.
Lead = deque[CutMoment]


def cut_lead(swapper: FrameSwapper, chosen: Sequence[ChosenFaces], frames: Iterator[Frame]) -> Lead:
    """Cut the moments before a segment out of as many frames, which are taken from the iterator."""
    return deque(
        (swapper.cut(one.at(frame)) for one, frame in zip(chosen, frames, strict=False)), LEAD
    )


def swap_segment(
    swapper: FrameSwapper,
    lead: Lead,
    groups: Iterator[list[Seen]],
    target: Target,
    part: Path,
    batch: int,
    clock: Clock,
) -> ProgressGenerator[tuple[Done, AnalysisState | None]]:
    """Swap and encode one segment; return what was done and what is known after it, if it was not the last one.

    `lead` then holds this segment's last moments. One group is drawn while the one before it is blended and another
    encoded.
    """
    swapper.settle(lead)
    done, last = Done(), None
    with (
        PictureWriter.open(part, target.info, target.encoding) as writer,
        write_behind(writer.write, ahead_of(batch)) as write,
        closing(read_ahead(_drawn(swapper, lead, groups), 1)) as drawn,
    ):
        for moments, faces, after in drawn:
            for frame in swapper.blend_all(moments, faces):
                write(frame_as_coded(frame, target.info.rotation))
            done += Done.of(moments)
            yield clock.tell(len(moments))
            last = after
    return done, last


def _drawn(swapper: FrameSwapper, lead: Lead, groups: Iterator[list[Seen]]) -> Iterator[Drawn]:
    """Draw the faces of each group; its pictures are still as they were."""
    for group in groups:
        moments = [one.moment for one in group]
        cut = [swapper.cut(moment) for moment in moments]
        lead.extend(cut)
        yield moments, swapper.draw_cut(cut), group[-1].after
