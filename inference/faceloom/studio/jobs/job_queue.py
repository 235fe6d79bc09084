"""The queue of a project: jobs wait, run one after the other, and survive the studio's end."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from faceloom.errors import FaceloomError, UsageError
from faceloom.progress import Progress
from faceloom.studio.jobs.job import ENDED, Job, JobRequest, JobState
from faceloom.studio.jobs.job_store import JobStore

log = logging.getLogger(__name__)


class JobQueue:
    """All jobs of a project. Methods are thread-safe; each change is on disk when it returns."""

    def __init__(self, folder: Path):
        self._store = JobStore(folder)
        self._changed = threading.Condition()
        self._jobs = {job.number: job for job in self._store.read()}
        self._next_number = max(self._jobs, default=0) + 1
        # Numbers of the jobs that wait or run, by their artifact.
        self._makers = defaultdict[str, set[int]](set)
        for job in self._jobs.values():
            self._note_maker(job)
        self._progress: dict[int, Progress] = {}
        self._version = 0

    @property
    def version(self) -> int:
        """A number that grows with each change, progress included."""
        return self._version

    def jobs(self) -> tuple[Job, ...]:
        """Return all jobs in the order of the queue."""
        with self._changed:
            return tuple(self._jobs.values())

    def job(self, number: int) -> Job:
        """Return a job.

        Args:
            number: Its number.

        Raises:
            UsageError: There is no such job.
        """
        with self._changed:
            if number not in self._jobs:
                raise UsageError(f"There is no job {number}; it was removed from the queue.")
            return self._jobs[number]

    def progress(self, number: int) -> Progress | None:
        """Return the last progress of a running job; None if it has none.

        Args:
            number: The job's number.
        """
        return self._progress.get(number)

    def log_path(self, number: int) -> Path:
        """Return the path of a job's log, which may not exist yet.

        Args:
            number: The job's number.
        """
        return self._store.log_path(self.job(number).number)

    def add(self, request: JobRequest) -> Job:
        """Add a job at the end of the queue.

        Args:
            request: What to run.

        Returns:
            The job.

        Raises:
            UsageError: A job that waits or runs makes the same artifact.
        """
        with self._changed:
            self._check_not_made(request.artifact)
            job = Job(number=self._next_number, request=request)
            # `order.json` is not written: a job that it lacks comes last.
            self._write(job)
            self._next_number += 1
            return job

    def restart(self, number: int) -> None:
        """Let a stopped or failed job wait again; its command continues where it can.

        Args:
            number: The job's number.

        Raises:
            UsageError: The job waits, runs, or is done, or another job that waits or runs makes the
                same artifact.
        """
        with self._changed:
            job = self.job(number)
            if job.state not in (JobState.STOPPED, JobState.FAILED):
                raise UsageError(
                    f"Job {number} is {job.state}; only a stopped or failed job can be resumed."
                )
            self._check_not_made(job.request.artifact)
            self._write(
                job.model_copy(
                    update={"state": JobState.WAITING, "sentence": "", "exit_code": None}
                )
            )

    def stop_waiting(self, number: int) -> bool:
        """Stop a job that waits.

        Args:
            number: The job's number.

        Returns:
            Whether it was waiting.
        """
        with self._changed:
            job = self.job(number)
            if job.state is not JobState.WAITING:
                return False
            self._write(job.model_copy(update={"state": JobState.STOPPED}))
            return True

    def remove(self, number: int) -> None:
        """Remove a job that has ended, with its log. What it made stays.

        Args:
            number: The job's number.

        Raises:
            UsageError: The job waits or runs, or its files cannot be removed.
        """
        with self._changed:
            if not self.job(number).has_ended:
                raise UsageError(f"Job {number} waits or runs; stop it before you remove it.")
            self._remove([number])

    def remove_done(self) -> None:
        """Remove all jobs that ended without an error, with their logs. What they made stays.

        Raises:
            UsageError: The files of a job cannot be removed; this job and later ones stay.
        """
        with self._changed:
            done = [job.number for job in self._jobs.values() if job.state is JobState.DONE]
            self._remove(done)

    def move_before(self, number: int, other: int | None) -> None:
        """Move a job in the queue.

        Args:
            number: The job to move.
            other: The job that it is moved before; None moves it to the end.
        """
        with self._changed:
            if number == other:
                return
            self.job(number)
            order = [each for each in self._jobs if each != number]
            position = len(order) if other is None else order.index(self.job(other).number)
            order.insert(position, number)
            self._jobs = {each: self._jobs[each] for each in order}
            self._store.write_order(self._jobs)
            self._notify()

    def update(self, number: int, change: Callable[[Job], Job]) -> Job:
        """Change a job.

        Args:
            number: The job's number.
            change: Returns the changed job.

        Returns:
            The changed job.
        """
        with self._changed:
            job = change(self.job(number))
            self._write(job)
            return job

    def report(self, number: int, progress: Progress | None) -> None:
        """Keep the progress of a running job, in memory only.

        Args:
            number: The job's number.
            progress: The progress; None when the job has ended.
        """
        with self._changed:
            if progress is None:
                self._progress.pop(number, None)
            else:
                self._progress[number] = progress
            self._notify()

    def claim_next(
        self, is_paused: Callable[[], bool], is_closing: Callable[[], bool]
    ) -> Job | None:
        """Wait for a job; mark it as running and return it, so that nobody else stops it.

        Call `wake` after a change of what the functions tell.

        Args:
            is_paused: Tells whether none may be claimed.
            is_closing: Tells whether to wait for none.

        Returns:
            The first job that waits; None if the queue is closing.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: is_closing() or (not is_paused() and self._first(JobState.WAITING))
            )
            job = None if is_closing() else self._first(JobState.WAITING)
            if job is None:
                return None
            running = job.model_copy(update={"state": JobState.RUNNING})
            self._keep(running)
            return running

    def wake(self) -> None:
        """Let `claim_next` ask again whether it may claim a job."""
        with self._changed:
            self._changed.notify_all()

    def end(self, number: int, changes: dict[str, object]) -> None:
        """Record how a job has ended; in memory only if the disk is full.

        Args:
            number: The job's number.
            changes: Values of `Job` by name.
        """
        with self._changed:
            job = self.job(number).model_copy(update=changes)
            self._keep(job)
            try:
                self._store.write_job(job)
            except FaceloomError as error:
                log.warning("%s", error)

    def running(self) -> tuple[Job, ...]:
        """Return the jobs that run, or ran when the studio was killed."""
        return tuple(job for job in self.jobs() if job.state is JobState.RUNNING)

    def _check_not_made(self, artifact: str) -> None:
        """Raise UsageError if a job that waits or runs makes an artifact."""
        if artifact and (makers := self._makers.get(artifact)):
            other = self._jobs[min(makers)]
            raise UsageError(
                f"Job {other.number} ({other.request.title}) makes {artifact} already; wait for "
                "it or stop it, or give a new job another name."
            )

    def _first(self, state: JobState) -> Job | None:
        return next((job for job in self._jobs.values() if job.state is state), None)

    def _remove(self, numbers: Iterable[int]) -> None:
        try:
            for number in numbers:
                self._store.remove(number)
                del self._jobs[number]
        finally:
            self._store.write_order(self._jobs)
            self._notify()

    def _write(self, job: Job) -> None:
        self._store.write_job(job)
        self._keep(job)

    def _keep(self, job: Job) -> None:
        self._jobs[job.number] = job
        self._note_maker(job)
        if job.state in ENDED:
            self._progress.pop(job.number, None)
        self._notify()

    def _note_maker(self, job: Job) -> None:
        makers = self._makers[job.request.artifact]
        if not job.has_ended:
            makers.add(job.number)
            return
        makers.discard(job.number)
        if not makers:
            del self._makers[job.request.artifact]

    def _notify(self) -> None:
        self._version += 1
        self._changed.notify_all()
