"""Swap the segments of a conversion in child processes of this machine; see `segment_tasks`.

Processes and not threads: a seventh of the work holds Python's lock, so that threads would hold up
each other and the analysis. Children are started as a program of their own (`worker_main`) and not
by `multiprocessing`, which would run the caller's main script again.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import IO, Any

from faceloom.errors import PartlyDone, escape_unprintable
from faceloom.operating_system import KILLED
from faceloom.swap.pipeline.frame_counts import FrameCounts
from faceloom.swap.pipeline.workers.segment_tasks import SegmentTask, WorkerPool, WorkerSpec

# What a child runs; its argument is the number of the connection's file descriptor.
_MODULE = "faceloom.swap.pipeline.workers.worker_main"
# The end of a child's standard error that is read for its last line, in bytes.
_MAX_STDERR_BYTES = 4096
# Most characters of that line in a message.
_MAX_LINE = 200


class _ChildProcess:
    """A child with a `SegmentWorker`; it starts with its first segment."""

    def __init__(self, spec: WorkerSpec):
        self._spec = spec
        self._lock = Lock()
        self._stopped = False
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._stderr: IO[bytes] | None = None

    def swap(self, task: SegmentTask, path: Path, report: Callable[[int], None]) -> FrameCounts:
        try:
            connection = self._started()
            connection.send((task, path))
            while isinstance(answer := connection.recv(), int):
                report(answer)
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, FrameCounts), "it ends a segment"
        return answer

    def kill(self) -> None:
        """End the child at once, and start none any more."""
        with self._lock:
            self._stopped = True
            if self._process:
                self._process.kill()

    def wait(self) -> None:
        """Wait until the child has ended."""
        if self._process:
            self._process.wait()
        if self._stderr:
            self._stderr.close()

    def _started(self) -> "Connection[Any, Any]":
        with self._lock:
            if self._stopped:
                raise EOFError
            if self._connection:
                return self._connection
            self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- `wait` closes it
            self._process, self._connection = _start_child(self._stderr)
        # The child reads it seconds later, when its libraries are loaded.
        self._connection.send(self._spec)
        return self._connection

    def _ended(self) -> PartlyDone:
        code = self._process.wait() if self._process else None
        reason = f"signal {-code}" if code and code < 0 else f"exit code {code}"
        line = _last_line(self._stderr) if self._stderr else ""
        # A full memory: the system kills the process, which then writes no message.
        may_be_memory = not line or code == KILLED
        cause = ", perhaps because the memory is full" if may_be_memory else ""
        message = f"; its last message: {line}" if line else ""
        return PartlyDone(
            f"A process that swapped a segment ended ({reason}){cause}{message}. Run the same "
            "command with --resume --workers 1."
        )


@contextmanager
def local_pool(spec: WorkerSpec, workers: int) -> Iterator[WorkerPool]:
    """Open a pool of child processes, which end with the block or with this process.

    Args:
        spec: what the workers need to know.
        workers: number of processes.

    Yields:
        The pool.
    """
    children = [_ChildProcess(spec) for _ in range(workers)]

    def stop() -> None:
        for child in children:
            child.kill()
        for child in children:
            child.wait()

    with WorkerPool.open(children, stop) as pool:
        yield pool


def _last_line(stderr: IO[bytes]) -> str:
    """Return the last line of what a child wrote; empty if it wrote nothing."""
    size = stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, size - _MAX_STDERR_BYTES))
    lines = stderr.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return escape_unprintable(last[:_MAX_LINE]).rstrip(".")


def _start_child(
    stderr: IO[bytes],
) -> "tuple[subprocess.Popen[bytes], Connection[Any, Any]]":
    """Start a child in a session of its own: Ctrl-C reaches this process alone, which ends it."""
    ours, theirs = Pipe()
    with theirs:
        descriptor = theirs.fileno()
        process = subprocess.Popen(
            # -P: modules of the current folder do not replace the installed ones.
            [sys.executable, "-P", "-m", _MODULE, str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # Read if the child fails: this process opens the same files and reports their warnings.
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=[descriptor],
            start_new_session=True,
        )
    return process, ours
