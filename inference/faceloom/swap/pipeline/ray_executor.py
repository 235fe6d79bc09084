"""Spread the segments of a conversion over a Ray cluster.

This process analyzes all frames in order and selects the faces; workers read a segment's frames
again, swap and encode them. Every machine must find target, bundles and output under the same
paths. If the workers compute the same numbers, the output has the same bytes as on one machine.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

from faceloom.atomic import atomic_file
from faceloom.errors import FaceloomError, ProviderMissing, UsageError
from faceloom.progress import Progress, ProgressGenerator, run_to_completion
from faceloom.swap.options import SwapOptions
from faceloom.swap.pipeline.analysis import LEAD_IN, Analysis, SegmentGrid
from faceloom.swap.pipeline.frame_counts import FrameCounts
from faceloom.swap.pipeline.frame_swapper import FrameSwapper, SelectedFrame
from faceloom.swap.pipeline.resume_store import ResumeStore
from faceloom.swap.pipeline.segments import (
    ProgressMeter,
    align_lead_in,
    queue_depth,
    split_segments,
    swap_segment,
)
from faceloom.swap.pipeline.target import Target
from faceloom.swap.selection.face_selector import FaceSelection
from faceloom.swap.sources.face_source import FaceSource

# Segments per worker that are analyzed in advance, so that no worker waits for this process.
_QUEUED_SEGMENTS = 2


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What every worker needs to know."""

    load: Callable[[], tuple[FaceSource, ...]]
    """Opens the sources."""
    target: Target
    """What is converted."""
    options: SwapOptions
    """How faces are blended; the workers select none."""
    grid: SegmentGrid
    """Where segments end."""
    batch_size: int
    """Frames per batch."""
    on_gpu: bool
    """Whether the sources run on a GPU; then each worker needs one."""


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
        self._swapper = FrameSwapper(spec.load(), spec.options)

    def swap(self, task: SegmentTask, path: Path) -> FrameCounts:
        """Swap and encode one segment.

        Args:
            task: the segment.
            path: the file to write.

        Returns:
            What the segment holds.
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
            return run_to_completion(
                swap_segment(self._swapper, lead_in, batches, spec.target, part, depth, meter)
            )


def swap_on_ray(
    frames: Iterator[SelectedFrame],
    analysis: Analysis,
    lead_in: Sequence[FaceSelection],
    spec: WorkerSpec,
    store: ResumeStore,
    meter: ProgressMeter,
) -> ProgressGenerator[None]:
    """Let a cluster swap a target's segments; commit them in order.

    The cluster is the one that RAY_ADDRESS names, or one of this machine's cores, which ends with
    the work.

    Args:
        frames: the selected frames.
        analysis: what yields them, for the state after each segment.
        lead_in: the selections of the frames before the first one.
        spec: what the workers need to know.
        store: where segments are written.
        meter: counts finished frames.

    Raises:
        ProviderMissing: Ray is not installed.
        UsageError: the cluster cannot be reached.
        FaceloomError: whatever a worker raises.
    """
    with _cluster() as ray:
        workers = _start_workers(ray, spec)
        pool = ray.util.ActorPool(workers)
        pending: deque[SegmentTask] = deque()
        committed = len(store.segment_paths)
        for index, task in enumerate(_tasks(frames, lead_in, spec), committed):
            pool.submit(
                lambda worker, arguments: worker.swap.remote(*arguments),
                (task, store.segment_path(index)),
            )
            pending.append(task)
            if len(pending) > _QUEUED_SEGMENTS * len(workers):
                yield _commit(pool, pending.popleft(), analysis, store, meter)
        while pending:
            yield _commit(pool, pending.popleft(), analysis, store, meter)


def _tasks(
    frames: Iterator[SelectedFrame], lead_in: Sequence[FaceSelection], spec: WorkerSpec
) -> Iterator[SegmentTask]:
    before = tuple(lead_in)
    for batches in split_segments(frames, spec.grid, spec.batch_size):
        # Frames are dropped batch by batch: a segment of them would not fit into memory.
        rows = [
            (selected.frame.index, selected.selection) for batch in batches for selected in batch
        ]
        selections = tuple(selection for _, selection in rows)
        yield SegmentTask(rows[0][0], before, selections)
        before = (*before, *selections)[-LEAD_IN:]


def _commit(
    pool: Any, task: SegmentTask, analysis: Analysis, store: ResumeStore, meter: ProgressMeter
) -> Progress:
    """Wait for the oldest segment and commit it."""
    try:
        counts: FrameCounts = pool.get_next()
    except Exception as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, FaceloomError):
            raise cause from error
        raise
    store.commit(counts, analysis.pop_state(task.next_frame))
    return meter.advance(counts.frames)


def _start_workers(ray: ModuleType, spec: WorkerSpec) -> list[Any]:
    """Start one worker per core of the cluster or, if the sources run on GPUs, per GPU."""
    count = max(1, int(ray.cluster_resources().get("GPU" if spec.on_gpu else "CPU", 1)))
    actor = ray.remote(SegmentWorker).options(num_cpus=1, num_gpus=int(spec.on_gpu))
    shared = ray.put(spec)
    return [actor.remote(shared) for _ in range(count)]


@contextmanager
def _cluster() -> Iterator[ModuleType]:
    try:
        import ray  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise ProviderMissing(
            "--engine ray needs the package ray, which is not installed; "
            "run: pip install 'faceloom[ray]'"
        ) from error
    # Ray reports every cluster that starts to its makers unless this is set.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS")
    local: dict[str, Any] = (
        {} if address else {"_node_ip_address": "127.0.0.1", "include_dashboard": False}
    )
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"The Ray cluster {address or 'of this machine'} cannot be reached ({error})."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
