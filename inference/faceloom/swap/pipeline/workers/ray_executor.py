"""Spread the segments of a conversion over a Ray cluster; see `segment_tasks`.

Every machine must find target, bundles and output under the same paths.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any

from faceloom.errors import FaceloomError, ProviderMissing, UsageError
from faceloom.installation import extras_advice
from faceloom.swap.pipeline.frame_counts import FrameCounts
from faceloom.swap.pipeline.workers.segment_tasks import (
    SegmentTask,
    SegmentWorker,
    WorkerPool,
    WorkerSpec,
)

# Seconds between two checks of whether the conversion was stopped.
_POLL_SECONDS = 0.5


class _Actor:
    """A `SegmentWorker` of the cluster."""

    def __init__(self, ray: ModuleType, actor: Any, stopped: Event):
        self._ray, self._actor, self._stopped = ray, actor, stopped

    def swap(self, task: SegmentTask, path: Path, report: Callable[[int], None]) -> FrameCounts:
        result = self._actor.swap.remote(task, path)
        while not self._ray.wait([result], timeout=_POLL_SECONDS)[0]:
            if self._stopped.is_set():
                raise InterruptedError("the conversion was stopped")
        try:
            counts: FrameCounts = self._ray.get(result)
        except Exception as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, FaceloomError):
                raise cause from error
            raise
        report(counts.frames)
        return counts


@contextmanager
def ray_pool(spec: WorkerSpec) -> Iterator[WorkerPool]:
    """Open a pool of a cluster's workers.

    The cluster is the one that RAY_ADDRESS names, or one of this machine's cores, which ends with
    the work.

    Args:
        spec: what the workers need to know.

    Yields:
        The pool.

    Raises:
        ProviderMissing: Ray is not installed.
        UsageError: the cluster cannot be reached.
    """
    stopped = Event()
    with _cluster() as ray:
        actors = [_Actor(ray, actor, stopped) for actor in _start_workers(ray, spec)]
        with WorkerPool.open(actors, stopped.set) as pool:
            yield pool


def _start_workers(ray: ModuleType, spec: WorkerSpec) -> list[Any]:
    """Start one worker per core of the cluster or, if networks run on GPUs, per GPU."""
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
            f"--engine ray needs the package ray, which is not installed; {extras_advice('ray')}"
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
