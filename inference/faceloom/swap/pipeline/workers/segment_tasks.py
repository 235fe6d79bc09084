"""Swap the segments of a conversion in workers, several at once, and commit them in order.

This process analyzes all frames in order and selects the faces; workers read a segment's frames
again, swap and encode them. A worker is a child process (`local_executor`) or an actor of a Ray
cluster (`ray_executor`). If all workers compute the same numbers, the output has the same bytes as
that of one process.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from queue import LifoQueue
from typing import Protocol, runtime_checkable

from faceloom.atomic import atomic_file
from faceloom.errors import ContentRefused, FaceloomError, MediaUnreadable, NoFaceFound
from faceloom.progress import Progress, ProgressGenerator, run_to_completion
from faceloom.swap.inference.face_models import face_model_opener
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.analysis import SEGMENT_LEAD_IN, Analysis, SegmentGrid
from faceloom.swap.pipeline.frame_counts import FrameCounts
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.resume_store import ResumeStore
from faceloom.swap.pipeline.segments import (
    ProgressMeter,
    align_lead_in,
    queue_depth,
    split_segments,
    swap_segment,
)
from faceloom.swap.pipeline.selected_frame import SelectedFrame
from faceloom.swap.pipeline.target import Target
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.swap.sources.face_source import FaceSource

# Segments per worker that are analyzed in advance, so that no worker waits for this process.
_QUEUED_SEGMENTS = 2
# Seconds between two progress reports while the workers are waited for.
_POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What every worker needs to know."""

    load: Callable[[int], tuple[FaceSource, ...]]
    """Opens the sources, with so many threads for each network; 0 means one for each core."""
    target: Target
    """What is converted."""
    options: ConvertOptions
    """How faces are blended; the workers select none."""
    grid: SegmentGrid
    """Where segments end."""
    batch_size: int
    """Frames per batch."""
    on_gpu: bool
    """Whether the sources or the face networks run on a GPU; then each actor of a cluster needs
    one."""
    threads: int = 0
    """Threads of each network; 0 means one for each core. It changes no bit of the output."""


@dataclass(frozen=True, slots=True)
class SegmentTask:
    """One segment."""

    first: int
    """The index of its first frame."""
    lead_in: tuple[FaceSelection, ...]
    """The selections of the frames before it."""
    selections: tuple[FaceSelection, ...]
    """The selections of its frames."""

    @property
    def next_frame(self) -> int:
        """The index after the segment's last frame."""
        return self.first + len(self.selections)


class SegmentWorker:
    """Swaps segments of one target, in a process of its own."""

    def __init__(self, spec: WorkerSpec):
        self._spec = spec
        sources, sections = spec.load(spec.threads), spec.options.sections
        open_model = face_model_opener(spec.options.face_provider)
        self._swapper = FrameSwapper(sources, spec.options, sections, open_model)

    def swap(
        self, task: SegmentTask, path: Path, report: Callable[[int], None] = lambda _: None
    ) -> FrameCounts:
        """Swap and encode one segment.

        Args:
            task: the segment.
            path: the file to write.
            report: called after each batch with the number of the segment's finished frames.

        Returns:
            What the segment holds.

        Raises:
            MediaUnreadable: decoding gives another number of frames than the analysis had.
        """
        spec, selections = self._spec, (*task.lead_in, *task.selections)
        frames = spec.target.read_from(task.first - len(task.lead_in), selections[0].pts)
        lead_in = align_lead_in(self._swapper, task.lead_in, frames)
        selected = (
            SelectedFrame(frame, selection)
            for selection, frame in zip(task.selections, frames, strict=False)
        )
        batches = chain.from_iterable(split_segments(selected, spec.grid, spec.batch_size))
        depth, meter = queue_depth(spec.batch_size), ProgressMeter(None, 0, 0.0)
        with atomic_file(path) as part:
            counts = run_to_completion(
                swap_segment(self._swapper, lead_in, batches, spec.target, part, depth, meter),
                lambda progress: report(progress.done),
            )
            if counts.frames != len(task.selections):
                raise MediaUnreadable(
                    f"{spec.target.info.path} has {len(task.selections)} frames from frame "
                    f"{task.first} on when it is decoded from the start, and {counts.frames} when "
                    "it is decoded from there; convert it with --workers 1."
                )
        return counts


@runtime_checkable
class RemoteWorker(Protocol):
    """A `SegmentWorker` elsewhere, as a thread of this process uses it."""

    def swap(self, task: SegmentTask, path: Path, report: Callable[[int], None]) -> FrameCounts:
        """Wait until the worker has swapped a segment.

        Args:
            task: the segment.
            path: the file to write.
            report: called with the number of the segment's finished frames.

        Returns:
            What the segment holds.

        Raises:
            FaceloomError: whatever the worker raises.
        """
        ...


class WorkerPool:
    """Gives segments to workers: a thread waits for each. Create with `WorkerPool.open`."""

    def __init__(self, workers: Sequence[RemoteWorker]):
        self._threads = ThreadPoolExecutor(len(workers), "segment-worker")
        # The worker that was used last is used next, so that no more are started than needed.
        self._idle: LifoQueue[RemoteWorker] = LifoQueue()
        for worker in reversed(workers):
            self._idle.put(worker)
        self._running_frames: dict[int, int] = {}
        self.size = len(workers)
        """Number of workers."""

    @classmethod
    @contextmanager
    def open(
        cls, workers: Sequence[RemoteWorker], stop: Callable[[], None]
    ) -> Iterator["WorkerPool"]:
        """Open a pool; when the block ends, all workers have stopped.

        Args:
            workers: the workers, at least one.
            stop: stops them at once; running calls of `swap` then raise.

        Yields:
            The pool.
        """
        pool = cls(workers)
        try:
            yield pool
        finally:
            pool._threads.shutdown(wait=False, cancel_futures=True)
            stop()
            pool._threads.shutdown()

    def submit(self, task: SegmentTask, path: Path) -> "Future[FrameCounts]":
        """Queue a segment.

        Args:
            task: the segment.
            path: the file to write.

        Returns:
            What the segment holds, once it is swapped.
        """
        return self._threads.submit(self._swap, task, path)

    @property
    def running_frames(self) -> int:
        """Finished frames of the segments that are being swapped."""
        return sum(self._running_frames.copy().values())

    def _swap(self, task: SegmentTask, path: Path) -> FrameCounts:
        worker = self._idle.get()

        def report(frames: int) -> None:
            self._running_frames[task.first] = frames

        try:
            return worker.swap(task, path, report)
        finally:
            self._idle.put(worker)

    def forget(self, task: SegmentTask) -> None:
        """Leave a segment out of `running_frames`.

        Args:
            task: a segment that is committed.
        """
        self._running_frames.pop(task.first, None)


class SegmentCommitter:
    """Commits the segments of a pool in order."""

    def __init__(
        self, pool: WorkerPool, analysis: Analysis, store: ResumeStore, meter: ProgressMeter
    ):
        self._pool, self._analysis = pool, analysis
        self._store, self._meter = store, meter
        self._committed = meter.done
        self._pending: deque[tuple[SegmentTask, Future[FrameCounts]]] = deque()

    def submit(self, task: SegmentTask) -> None:
        """Give the next segment to the pool.

        Args:
            task: the segment.
        """
        index = len(self._store.segment_paths) + len(self._pending)
        future = self._pool.submit(task, self._store.segment_path(index))
        self._pending.append((task, future))

    def commit(self, most_pending: int) -> ProgressGenerator[None]:
        """Commit finished segments; wait while too many are not committed.

        Args:
            most_pending: segments that may stay uncommitted.

        Raises:
            FaceloomError: whatever the worker of the first uncommitted segment raises.
        """
        yield self._progress()
        while self._pending:
            task, future = self._pending[0]
            if not future.done():
                if len(self._pending) <= most_pending:
                    return
                wait([future], _POLL_SECONDS)
                yield self._progress()
                continue
            try:
                self._commit(task, future.result())
            except BaseException:
                # Segments after a failed one are never committed.
                self._pending.clear()
                raise
            self._pending.popleft()
            yield self._progress()

    def _commit(self, task: SegmentTask, counts: FrameCounts) -> None:
        self._store.commit(counts, self._analysis.pop_state(task.next_frame))
        self._committed += counts.frames
        self._pool.forget(task)

    def _progress(self) -> Progress:
        done = self._committed + self._pool.running_frames
        return self._meter.advance(max(0, done - self._meter.done))


def swap_in_workers(
    frames: Iterator[SelectedFrame],
    lead_in: Sequence[FaceSelection],
    spec: WorkerSpec,
    pool: WorkerPool,
    committer: SegmentCommitter,
) -> ProgressGenerator[None]:
    """Let workers swap a target's segments; commit them in order.

    If a frame cannot be read or analyzed, the segments before it are finished first, so that the
    conversion can be resumed there.

    Args:
        frames: the selected frames.
        lead_in: the selections of the frames before the first one.
        spec: what the workers know.
        pool: the workers.
        committer: commits the segments of `pool`.

    Raises:
        FaceloomError: whatever the analysis or a worker raises; of several workers, the one with
            the first segment.
    """
    try:
        for task in _tasks(frames, lead_in, spec):
            if task:
                committer.submit(task)
            yield from committer.commit(_QUEUED_SEGMENTS * pool.size)
    except (NoFaceFound, ContentRefused):
        # The target itself is refused; there is nothing to resume.
        raise
    except FaceloomError:
        yield from committer.commit(0)
        raise
    yield from committer.commit(0)


def _tasks(
    frames: Iterator[SelectedFrame], lead_in: Sequence[FaceSelection], spec: WorkerSpec
) -> Iterator[SegmentTask | None]:
    """Yield the segments, and None after each batch of frames."""
    before = tuple(lead_in)
    for batches in split_segments(frames, spec.grid, spec.batch_size):
        # Frames are dropped batch by batch: a segment of them would not fit into memory.
        rows: list[tuple[int, FaceSelection]] = []
        for batch in batches:
            rows.extend((selected.frame.index, selected.selection) for selected in batch)
            yield None
        selections = tuple(selection for _, selection in rows)
        yield SegmentTask(rows[0][0], before, selections)
        before = (*before, *selections)[-SEGMENT_LEAD_IN:]
