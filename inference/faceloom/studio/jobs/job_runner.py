"""Run the jobs of a queue, one at a time, each as a child process."""

import logging
import threading
import time

from faceloom.errors import FaceloomError
from faceloom.progress import Progress
from faceloom.project.child_process import child_record, end_orphan
from faceloom.project.step_process import StepProcess
from faceloom.project.step_sentence import step_sentence
from faceloom.studio.jobs.job import Job, JobState
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.jobs.memory_peak import MemoryPeak

log = logging.getLogger(__name__)


class JobRunner:
    """Runs waiting jobs in a thread of its own until it is closed."""

    def __init__(self, queue: JobQueue):
        self._queue = queue
        self._closing = threading.Event()
        self._paused = threading.Event()
        # Guards the two below, which other threads use to stop the running command.
        self._lock = threading.Lock()
        self._command: StepProcess | None = None
        self._stopping: int | None = None
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    @property
    def is_paused(self) -> bool:
        """Whether no further job is started when the current one ends."""
        return self._paused.is_set()

    def is_stopping(self, number: int) -> bool:
        """Return whether a running job is stopping: its command saves its work.

        Args:
            number: The job's number.
        """
        return self._stopping == number

    def start(self, *, paused: bool = False) -> None:
        """Let jobs that ran when the studio was killed wait again, and begin to run jobs.

        Args:
            paused: Whether to start none until `set_paused` says otherwise.
        """
        self.set_paused(paused)
        for job in self._queue.running():
            end_orphan(job.child)
            self._queue.update(job.number, _waiting)
        self._thread.start()

    def set_paused(self, paused: bool) -> None:
        """Start no further job when the current one ends, or go on.

        Args:
            paused: Whether to start none.
        """
        (self._paused.set if paused else self._paused.clear)()
        self._queue.wake()

    def stop(self, number: int) -> None:
        """Stop a job: one that waits at once, one that runs as by one Ctrl-C.

        Args:
            number: The job's number.
        """
        if self._queue.stop_waiting(number) or self._queue.job(number).has_ended:
            return
        with self._lock:
            # A second signal would end a training without saving it.
            if self._stopping != number:
                self._stopping = number
                self._interrupt()

    def close(self) -> None:
        """Stop the running job, which waits again, and end the thread."""
        with self._lock:
            self._closing.set()
            if self._stopping is None:
                self._interrupt()
        self._queue.wake()
        if self._thread.is_alive():
            self._thread.join()

    def _interrupt(self) -> None:
        if self._command is not None:
            self._command.interrupt()

    def _run(self) -> None:
        while job := self._queue.claim_next(self._paused.is_set, self._closing.is_set):
            self._run_job(job)

    def _run_job(self, job: Job) -> None:
        began, memory = time.monotonic(), MemoryPeak()
        try:
            ended = self._run_command(job, memory)
        except FaceloomError as error:
            ended = self._failed(error)
        except Exception as error:
            log.exception("Job %d failed.", job.number)
            ended = {"state": JobState.FAILED, "sentence": f"The job cannot be run ({error})."}
        ended |= {"seconds": job.seconds + time.monotonic() - began, "child": None}
        ended["memory_bytes"] = max(job.memory_bytes, memory.bytes)
        with self._lock:
            if self._command and self._command.processor_seconds:
                used = job.processor_seconds + self._command.processor_seconds
                ended["processor_seconds"] = used
            self._command = self._stopping = None
        self._queue.end(job.number, ended)

    def _run_command(self, job: Job, memory: MemoryPeak) -> dict[str, object]:
        """Run a job's command to its end and return what changes in the job."""
        log_path = self._queue.log_path(job.number)
        with StepProcess.start(job.command(), log_path, lambda: None) as child:
            with self._lock:
                self._command = child
                if self._stopping is not None or self._closing.is_set():
                    self._interrupt()
            record = {"child": child_record(child.process.pid), "starts": job.starts + 1}
            self._queue.update(job.number, lambda now: now.model_copy(update=record))
            self._queue.report(job.number, Progress(job.request.title, 0))
            # A short command reports nothing before it ends.
            memory.sample(child.process.pid)
            for progress in child.progress():
                memory.sample(child.process.pid)
                if progress:
                    self._queue.report(job.number, progress)
            result = child.result()
            printed = child.lines[-1] if child.lines else ""
            sentence = step_sentence(job.request.arguments[0], result, printed)
            return {"state": JobState.DONE, "result": result, "sentence": sentence}

    def _failed(self, error: FaceloomError) -> dict[str, object]:
        if self._stopping is None and self._closing.is_set():
            return {"state": JobState.WAITING}
        state = JobState.FAILED if self._stopping is None else JobState.STOPPED
        return {"state": state, "sentence": str(error), "exit_code": error.exit_code}


def _waiting(job: Job) -> Job:
    return job.model_copy(update={"state": JobState.WAITING, "child": None})
