"""Remember the process of a running command, and end it if its parent was killed."""

from contextlib import suppress

import psutil

from faceloom.project.project_file import ChildRecord

# Tolerance for the start time of a process, in seconds.
_CREATED_TOLERANCE = 0.1
# Seconds that a process of a killed parent has to end before it is killed.
_END_SECONDS = 10.0


def child_record(pid: int) -> ChildRecord | None:
    """Return what identifies a process later; None if it has ended.

    Args:
        pid: Its process number.
    """
    with suppress(psutil.Error):
        return ChildRecord(pid=pid, created=psutil.Process(pid).create_time())
    return None


def end_orphan(child: ChildRecord | None) -> None:
    """End a command that a killed parent has left running, with its own processes.

    Args:
        child: What identifies it; None does nothing, as does a process number that belongs to
            another process by now.
    """
    if child is None:
        return
    with suppress(psutil.Error):
        process = psutil.Process(child.pid)
        if abs(process.create_time() - child.created) >= _CREATED_TOLERANCE:
            return
        family = [process, *process.children(recursive=True)]
        for each in family:
            with suppress(psutil.Error):
                each.terminate()
        _, alive = psutil.wait_procs(family, _END_SECONDS)
        for each in alive:
            with suppress(psutil.Error):
                each.kill()
