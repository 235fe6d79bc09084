"""The program of a child process that swaps segments; `local_executor` starts it.

It receives a `WorkerSpec`, and then pairs of a `SegmentTask` and the file to write. It answers each
with the number of finished frames after each batch, and at last with the `FrameCounts` or an error.
"""

import os
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

import av
import cv2

from faceloom.errors import FaceloomError
from faceloom.swap.pipeline.frame_counts import FrameCounts
from faceloom.swap.pipeline.malloc import set_malloc_thresholds
from faceloom.swap.pipeline.workers.segment_tasks import SegmentTask, SegmentWorker, WorkerSpec
from faceloom.video.ffmpeg_errors import read_error

_Tasks: TypeAlias = SimpleQueue[tuple[SegmentTask, Path]]


def main(descriptor: int) -> None:
    """Swap segments until the connection ends.

    Args:
        descriptor: the file descriptor of the connection.
    """
    connection: Connection[Any, Any] = Connection(descriptor)
    spec: WorkerSpec = connection.recv()
    tasks: _Tasks = SimpleQueue()
    Thread(target=_receive, args=(connection, tasks), name="receive", daemon=True).start()
    set_malloc_thresholds()
    if spec.threads:
        cv2.setNumThreads(spec.threads)
    worker = None
    while True:
        task, path = tasks.get()
        answer: FrameCounts | Exception
        try:
            worker = worker or SegmentWorker(spec)
            answer = worker.swap(task, path, connection.send)
        except Exception as error:  # raised in the parent
            answer = _sendable(error, spec.target.info.path)
        connection.send(answer)


def _receive(connection: "Connection[Any, Any]", tasks: _Tasks) -> None:
    """Receive tasks; when the parent is gone, end this process, whatever it is doing."""
    try:
        while True:
            tasks.put(connection.recv())
    except (EOFError, OSError):
        os._exit(1)


def _sendable(error: Exception, target: Path) -> Exception:
    """Return an error that can be pickled, as a library's may not be, with its traceback."""
    sendable = error
    if isinstance(error, av.FFmpegError):
        sendable = read_error(error, target)
    elif not isinstance(error, FaceloomError) and type(error).__module__ != "builtins":
        sendable = RuntimeError(f"{type(error).__name__}: {error}")
    sendable.add_note("".join(traceback.format_exception(error)))
    return sendable


if __name__ == "__main__":
    main(int(sys.argv[1]))
