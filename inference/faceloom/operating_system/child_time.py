"""The processor time of a child process that has ended."""

import os
import subprocess
from contextlib import AbstractContextManager
from typing import Any


def wait_for_processor_time(
    process: "subprocess.Popen[Any]", lock: AbstractContextManager[object]
) -> float | None:
    """Wait until a child ends, and return its processor time.

    Args:
        process: The child.
        lock: Other threads hold it while they send signals to the child. `Popen` asks for the exit
            code before it sends one, and the system tells that code only once.

    Returns:
        Seconds of the child and of the processes that it waited for; None where the system does not
        tell it, or if another thread has waited.
    """
    if not hasattr(os, "waitid") or not hasattr(os, "wait4"):
        process.wait()
        return None
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with lock:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        process.wait()
        return None
    return float(used.ru_utime + used.ru_stime)
