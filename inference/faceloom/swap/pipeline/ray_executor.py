"""Spread the segments of a conversion over a Ray cluster.

This process looks at the frames, in their order, and chooses the faces; workers read a segment's frames again, swap and
encode them. Target, bundles and output must lie where all of them find them under the same paths. What comes out is
what one machine would have made, to the byte, where the workers compute as it does.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from faceloom.atomic import replacing_file
from faceloom.batches import batched
from faceloom.errors import FaceloomError, ProviderMissing, UsageError
from faceloom.progress import ProgressGenerator, run_to_completion
from faceloom.swap.options import SwapOptions
from faceloom.swap.pipeline.analysis import LEAD, AnalysisState, ChosenFaces, Seen
from faceloom.swap.pipeline.frame_swapper import FrameSwapper
from faceloom.swap.pipeline.resume_store import Done, Unfinished
from faceloom.swap.pipeline.segments import Clock, cut_lead, segments, swap_segment
from faceloom.swap.pipeline.target import Target
from faceloom.swap.sources.identity_map import Opener

# Segments that are looked at ahead for each worker, so that none waits for this process.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Order:
    """What every worker is told: where the faces come from, what is converted and how, and frames of a batch.

    on_gpu: whether the faces are drawn on a GPU, of which each worker then needs one.
    """

    opener: Opener
    target: Target
    options: SwapOptions
    batch: int
    on_gpu: bool


@dataclass(frozen=True, slots=True)
class SegmentTask:
    """What a worker must know of a segment: its first frame's number, the moments before it, and its own."""

    first: int
    lead: tuple[ChosenFaces, ...]
    chosen: tuple[ChosenFaces, ...]


class SegmentWorker:
    """Swaps segments of one target, in a process of its own."""

    def __init__(self, order: Order):
        # Who is swapped was chosen already.
        chosen = replace(order.options, select="all", reference=(), exclude=())
        self._swapper = FrameSwapper(order.opener(), chosen)
        self._target, self._batch = order.target, order.batch

    def swap(self, task: SegmentTask, pictures: Path) -> Done:
        """Write a segment's pictures and return what was done."""
        frames = self._target.read_from(
            task.first - len(task.lead), (*task.lead, *task.chosen)[0].pts
        )
        lead = cut_lead(self._swapper, task.lead, frames)
        seen = (Seen(chosen.at(frame)) for chosen, frame in zip(task.chosen, frames, strict=False))
        with replacing_file(pictures) as part:
            groups = batched(seen, self._batch)
            work = swap_segment(
                self._swapper, lead, groups, self._target, part, self._batch, Clock(None, 0, 0.0)
            )
            done, _ = run_to_completion(work)
        return done


def swap_on_ray(
    seen: Iterator[Seen], state: AnalysisState | None, order: Order, work: Unfinished, clock: Clock
) -> ProgressGenerator[None]:
    """Let a cluster swap what `seen` shows; commit its segments in their order.

    The cluster is the one that RAY_ADDRESS names, or one of this machine's cores, which ends with the work. Raises
    ProviderMissing if Ray is not installed, UsageError if the cluster cannot be reached, and what the workers raise.
    """
    with _cluster() as ray:
        workers = _workers(ray, order)
        pool = ray.util.ActorPool(workers)
        afters: list[AnalysisState | None] = []
        tasks = _tasks(seen, state.lead if state else (), order)
        number = len(work.segments)
        for task, after in tasks:
            pool.submit(
                lambda worker, asked: worker.swap.remote(*asked), (task, work.pictures(number))
            )
            number += 1
            afters.append(after)
            if len(afters) > _AHEAD * len(workers):
                yield _commit(pool, afters, work, clock)
        while afters:
            yield _commit(pool, afters, work, clock)


def _tasks(
    seen: Iterator[Seen], lead: Sequence[ChosenFaces], order: Order
) -> Iterator[tuple[SegmentTask, AnalysisState | None]]:
    before = tuple(lead)
    for groups in segments(seen, order.batch):
        ones = [
            (one.moment.frame.index, ChosenFaces.of(one.moment), one.after)
            for group in groups
            for one in group
        ]
        chosen = tuple(faces for _, faces, _ in ones)
        yield SegmentTask(ones[0][0], before, chosen), ones[-1][2]
        before = (*before, *chosen)[-LEAD:]


def _commit(pool: Any, afters: list[AnalysisState | None], work: Unfinished, clock: Clock) -> Any:
    """Wait for the oldest segment and make it count."""
    try:
        done = pool.get_next()
    except Exception as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, FaceloomError):
            raise cause from error
        raise
    work.commit(done, afters.pop(0))
    return clock.tell(done.frames)


def _workers(ray: ModuleType, order: Order) -> list[Any]:
    """Start as many workers as the cluster has cores or, for faces that are drawn on GPUs, GPUs."""
    count = max(1, int(ray.cluster_resources().get("GPU" if order.on_gpu else "CPU", 1)))
    actor = ray.remote(SegmentWorker).options(num_cpus=1, num_gpus=int(order.on_gpu))
    placed = ray.put(order)
    return [actor.remote(placed) for _ in range(count)]


@contextmanager
def _cluster() -> Iterator[ModuleType]:
    try:
        import ray  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise ProviderMissing(
            "--engine ray needs the package ray, which is not installed; run: pip install 'faceloom[ray]'"
        ) from error
    # It would tell its makers of every cluster that is started.
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
