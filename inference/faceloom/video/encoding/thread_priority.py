"""Undo the real-time priority that an encoder library requests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def same_thread_priority() -> Iterator[None]:
    """Give threads that become real-time threads in the block the caller's earlier priority.

    For the root user, SVT-AV1 switches the calling thread and its own threads to SCHED_FIFO with
    priority 99. Threads and processes that are started later inherit it, and then starve the rest
    of the machine and each other. Does nothing on systems other than Linux.
    """
    if not (hasattr(os, "sched_setscheduler") and _TASKS.is_dir()):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        real_time = (os.SCHED_FIFO, os.SCHED_RR)
        if policy not in real_time:
            for task in _TASKS.iterdir():
                thread = int(task.name)
                try:
                    if os.sched_getscheduler(thread) in real_time:
                        os.sched_setscheduler(thread, policy, priority)
                except ProcessLookupError:
                    # The thread has ended.
                    continue
