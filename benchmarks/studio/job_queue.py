"""Measure the studio's queue with many jobs: add, read, list, reorder, claim.

    python -m benchmarks.studio.job_queue [COUNT...]

Times are CPU seconds, which other work on the machine changes little. Jobs are on disk, without
fsync.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from faceloom.studio.conversion.conversion_estimate import ConversionEstimator
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.jobs.job_runner import JobRunner
from faceloom.studio.pages.jobs_page import queue_state
from faceloom.studio.people.clip_people import ClipPeople
from faceloom.studio.scans.clip_scanner import ClipScanner
from faceloom.studio.studio import Studio
from faceloom.studio.studio_project import StudioProject

# How often an operation is repeated that takes milliseconds.
_REPEATS = 20


def timed(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the CPU seconds of one call."""
    begin = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - begin) / repeats


def add_jobs(queue: JobQueue, count: int) -> None:
    for number in range(count):
        name = f"clip{number}.mp4"
        request = JobRequest(title=f"Convert {name}", arguments=("convert", name), artifact=name)
        queue.add(request)


def measure(count: int, folder: Path) -> None:
    queue = JobQueue(folder / "jobs")
    people = ClipPeople(folder)
    # Its runner never starts.
    studio = Studio(
        project=StudioProject.open(folder),
        jobs=queue,
        runner=JobRunner(queue),
        roots=(),
        people=people,
        estimator=ConversionEstimator(),
        scanner=ClipScanner(folder),
    )
    add = timed(lambda: add_jobs(queue, count))
    last = JobRequest(title="Convert last", arguments=("convert", "last"), artifact="last")
    one = timed(lambda: queue.add(last))
    listed = timed(lambda: json.dumps(queue_state(studio)), _REPEATS)
    size = len(json.dumps(queue_state(studio)))
    move = timed(lambda: queue.move_before(count, 1), _REPEATS)
    # A claim without a job that waits would never return.
    claim = timed(lambda: queue.claim_next(lambda: False, lambda: False), min(_REPEATS, count))
    read = timed(lambda: JobQueue(folder / "jobs"))
    people.close()
    print(
        f"| {count:,} | {add:.2f} s | {1e3 * one:.2f} ms | {1e3 * listed:.1f} ms | "
        f"{size / 1e6:.2f} MB | {1e3 * move:.1f} ms | {1e3 * claim:.2f} ms | {read:.2f} s |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[1000, 10_000])
    print("| jobs | add all | add one | list | JSON | move | claim | read |")
    print("|---|---|---|---|---|---|---|---|")
    for count in parser.parse_args().counts:
        with tempfile.TemporaryDirectory() as folder, patch("os.fsync"):
            measure(count, Path(folder) / "project")


if __name__ == "__main__":
    main()
