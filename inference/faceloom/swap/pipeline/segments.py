"""Swap and encode a target's frames segment by segment."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from faceloom.prefetch import prefetch
from faceloom.progress import Progress, ProgressGenerator
from faceloom.swap.pipeline.analysis import SEGMENT_LEAD_IN, SegmentGrid
from faceloom.swap.pipeline.background_writer import write_in_background
from faceloom.swap.pipeline.face_blending import SwappedFace
from faceloom.swap.pipeline.frame_counts import FrameCounts
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.selected_frame import AlignedFrame, SelectedFrame
from faceloom.swap.pipeline.target import Target
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.video import Frame, SegmentWriter
from faceloom.video.display import frame_to_coded

# The last SEGMENT_LEAD_IN aligned frames.
LeadIn: TypeAlias = deque[AlignedFrame]
SwappedBatch: TypeAlias = tuple[list[SelectedFrame], list[list[SwappedFace]]]


def split_segments(
    frames: Iterator[SelectedFrame], grid: SegmentGrid, batch_size: int
) -> Iterator[Iterator[list[SelectedFrame]]]:
    """Split frames into segments of batches.

    Args:
        frames: frames in order; the first one starts a segment.
        grid: where segments end.
        batch_size: frames per batch; a batch never crosses the end of a segment.

    Yields:
        The batches of each segment. Take all batches of one segment before the next.
    """
    for first in frames:
        yield _batches(first, frames, grid, batch_size)


def _batches(
    first: SelectedFrame, frames: Iterator[SelectedFrame], grid: SegmentGrid, batch_size: int
) -> Iterator[list[SelectedFrame]]:
    batch = [first]
    while grid.remaining(batch[-1].frame.index) > 1 and (following := next(frames, None)):
        if len(batch) == batch_size:
            yield batch
            batch = []
        batch.append(following)
    yield batch


def queue_depth(batch_size: int) -> int:
    """Return how many frames may wait between two threads: a quarter of a batch.

    Args:
        batch_size: frames per batch; smaller for larger frames, so that memory stays bounded.
    """
    return max(1, batch_size // 4)


@dataclass(slots=True)
class ProgressMeter:
    """Counts finished frames and reports the rate."""

    total: int | None
    """Frames to convert; None if unknown."""
    done: int
    """Frames that are finished, those of an interrupted run included."""
    started: float
    """When this run started, in seconds of the monotonic clock."""
    new: int = 0
    """Frames that this run finished."""

    def advance(self, frames: int) -> Progress:
        """Count frames.

        Args:
            frames: how many are newly finished.

        Returns:
            The progress of the conversion.
        """
        self.done, self.new = self.done + frames, self.new + frames
        rate = self.new / max(time.monotonic() - self.started, 1e-6)
        return Progress("convert", self.done, self.total, f"{rate:.1f} frames/s")


def align_lead_in(
    swapper: FrameSwapper, selections: Iterable[FaceSelection], frames: Iterator[Frame]
) -> LeadIn:
    """Align the frames before a segment.

    Args:
        swapper: what aligns them.
        selections: the selections of these frames.
        frames: the iterator to take as many frames from.

    Returns:
        The aligned frames, at most `SEGMENT_LEAD_IN`.
    """
    return deque(
        (
            swapper.align(SelectedFrame(frame, selection))
            for selection, frame in zip(selections, frames, strict=False)
        ),
        SEGMENT_LEAD_IN,
    )


def swap_segment(
    swapper: FrameSwapper,
    lead_in: LeadIn,
    batches: Iterator[list[SelectedFrame]],
    target: Target,
    part: Path,
    queue_size: int,
    meter: ProgressMeter,
) -> ProgressGenerator[FrameCounts]:
    """Swap and encode one segment.

    One batch is predicted while the previous one is blended and another one is encoded.

    Args:
        swapper: what swaps the faces.
        lead_in: the frames before the segment; afterwards, the segment's own last frames.
        batches: the frames of the segment.
        target: the target, for its encoding.
        part: the file to write.
        queue_size: how many blended frames may wait for the encoder.
        meter: counts finished frames.

    Returns:
        What the segment holds.
    """
    swapper.warm_up(lead_in)
    counts = FrameCounts()
    with (
        SegmentWriter.open(part, target.info, target.encoding) as writer,
        write_in_background(writer.write, queue_size) as write,
        closing(prefetch(_predict(swapper, lead_in, batches), 1)) as predicted,
    ):
        for frames, faces in predicted:
            for frame in swapper.blend_frames(frames, faces):
                write(frame_to_coded(frame, target.info))
            counts += FrameCounts.of(frames, faces)
            yield meter.advance(len(frames))
    return counts


def _predict(
    swapper: FrameSwapper, lead_in: LeadIn, batches: Iterator[list[SelectedFrame]]
) -> Iterator[SwappedBatch]:
    for frames in batches:
        aligned = [swapper.align(selected) for selected in frames]
        lead_in.extend(aligned)
        yield frames, swapper.predict(aligned)
