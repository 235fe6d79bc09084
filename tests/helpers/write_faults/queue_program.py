"""A program that works with the studio's queue: adds jobs, moves, runs and removes some.

Run again after a fault, it continues. It first checks that every change that an earlier run has
completed is still there; a file whose writes are not counted lists these changes.
"""

import sys
import time
from pathlib import Path

from tests.helpers.write_faults.documented_exit import documented_exit

from faceloom.errors import PartlyDone
from faceloom.project import step_process
from faceloom.studio.jobs.job import JobRequest, JobState
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.jobs.job_runner import JobRunner

_TITLES = ("extract", "train", "convert")
# The job that is added last and removed at the end.
_REMOVED = "convert"
# What runs instead of `faceloom`.
_FAKE_COMMAND = (
    *(sys.executable, "-I", "-S", "-c"),
    "import sys; print('{}'); print('done', file=sys.stderr)",
)
# In the folder that no fault concerns, from the working folder of the command.
_SUCCEEDED = Path("../../notes/queue.txt")
# Seconds between two looks at the queue.
_POLL_SECONDS = 0.02


def main() -> None:
    """Exits with the code of the error that occurred."""
    step_process.PROGRAM = _FAKE_COMMAND
    with documented_exit():
        queue = JobQueue(Path("jobs"))
        _check_succeeded(queue)
        _work(queue, JobRunner(queue))
    _SUCCEEDED.resolve().unlink()


def _work(queue: JobQueue, runner: JobRunner) -> None:
    runner.start(paused=True)
    for title in _TITLES:
        if title not in _numbers(queue):
            queue.add(JobRequest(title=title, arguments=(title,)))
        _note(title)
    numbers = _numbers(queue)
    queue.move_before(numbers[_REMOVED], numbers[_TITLES[0]])
    _note("moved")
    for job in queue.jobs():
        if job.state is JobState.FAILED:
            queue.restart(job.number)
    runner.set_paused(False)
    while not all(job.has_ended for job in queue.jobs()):
        time.sleep(_POLL_SECONDS)
    runner.close()
    failed = [job.sentence for job in queue.jobs() if job.state is JobState.FAILED]
    if failed:
        raise PartlyDone(failed[0])
    _SUCCEEDED.resolve().write_text("")
    queue.remove(numbers[_REMOVED])


def _note(success: str) -> None:
    with _SUCCEEDED.resolve().open("a") as file:
        file.write(success + "\n")


def _check_succeeded(queue: JobQueue) -> None:
    succeeded = _SUCCEEDED.read_text().split() if _SUCCEEDED.exists() else []
    titles = [job.request.title for job in queue.jobs()]
    for success in succeeded:
        if success == "moved":
            assert titles == [_REMOVED, *_TITLES[:-1]], titles
        else:
            assert success in titles, f"{success} is not among {titles}"


def _numbers(queue: JobQueue) -> dict[str, int]:
    return {job.request.title: job.number for job in queue.jobs()}
