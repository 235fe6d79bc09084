"""Run the jobs of a queue, one at a time, each as a child process."""

import signal
import threading
import time
from functools import partial

from faceloom.errors import FaceloomError
from faceloom.progress import Progress
from faceloom.project.child_process import child_record, end_orphan
from faceloom.project.step_process import StepProcess
from faceloom.project.step_sentence import step_sentence
from faceloom.studio.jobs.job import Job, JobState
from faceloom.studio.jobs.job_queue import JobQueue

# Seconds after which the thread looks whether it shall end.
_POLL_SECONDS = 0.5


class JobRunner:
    """Runs waiting jobs in a thread of its own until it is closed."""

    def __init__(self, queue: JobQueue):
        self._queue = queue
        self._closing = threading.Event()
        self._stopping = threading.Event()
        self._pause_after = threading.Event()
        # Guards the running command, which another thread may signal.
        self._lock = threading.Lock()
        self._current: tuple[int, StepProcess] | None = None
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    @property
    def is_paused(self) -> bool:
        """Whether no further job is started when the current one ends."""
        return self._pause_after.is_set()

    def start(self) -> None:
        """Let jobs that ran when the studio was killed wait again, and begin to run jobs."""
        for job in self._queue.running():
            end_orphan(job.child)
            self._queue.update(job.number, _waiting)
        self._thread.start()

    def set_paused(self, paused: bool) -> None:
        """Start no further job when the current one ends, or go on.

        Args:
            paused: Whether to start none.
        """
        (self._pause_after.set if paused else self._pause_after.clear)()

    def stop(self, number: int) -> None:
        """Stop a job: one that waits at once, one that runs as by Ctrl-C.

        Args:
            number: The job's number.
        """
        if self._queue.stop_waiting(number):
            return
        with self._lock:
            if self._current is not None and self._current[0] == number:
                self._stopping.set()
                self._current[1].process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Stop the running job, which waits again, and end the thread."""
        self._closing.set()
        with self._lock:
            if self._current is not None:
                self._current[1].process.send_signal(signal.SIGINT)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            job = self._queue.next_waiting(_POLL_SECONDS)
            if self.is_paused:
                self._closing.wait(_POLL_SECONDS)
            elif job is not None:
                self._run_job(job)

    def _run_job(self, job: Job) -> None:
        began = time.monotonic()
        self._stopping.clear()
        try:
            ended = self._run_command(job)
        except FaceloomError as error:
            ended = self._failed(error)
        seconds = job.seconds + time.monotonic() - began
        self._queue.update(
            job.number,
            lambda now: now.model_copy(update={**ended, "seconds": seconds, "child": None}),
        )

    def _run_command(self, job: Job) -> dict[str, object]:
        """Run a job's command to its end and return what changes in the job."""
        log = self._queue.log_path(job.number)
        with StepProcess.start(job.command(), log, lambda: None) as child:
            with self._lock:
                self._current = (job.number, child)
            if self._closing.is_set():
                child.process.send_signal(signal.SIGINT)
            self._queue.update(job.number, partial(_running, child.process.pid))
            try:
                self._queue.report(job.number, Progress(job.request.title, 0))
                for progress in child.progress():
                    if progress:
                        self._queue.report(job.number, progress)
            finally:
                with self._lock:
                    self._current = None
            result = child.result()
            printed = child.lines[-1] if child.lines else ""
            sentence = step_sentence(job.request.arguments[0], result, printed)
            return {"state": JobState.DONE, "result": result, "sentence": sentence}

    def _failed(self, error: FaceloomError) -> dict[str, object]:
        if self._closing.is_set():
            return {"state": JobState.WAITING}
        state = JobState.STOPPED if self._stopping.is_set() else JobState.FAILED
        return {"state": state, "sentence": str(error), "exit_code": error.exit_code}


def _running(pid: int, job: Job) -> Job:
    update = {"state": JobState.RUNNING, "starts": job.starts + 1, "child": child_record(pid)}
    return job.model_copy(update=update)


def _waiting(job: Job) -> Job:
    return job.model_copy(update={"state": JobState.WAITING, "child": None})
