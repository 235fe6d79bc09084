"""The peak memory of a command and its child processes."""

import time
from contextlib import suppress

import psutil

# Seconds between two samples: finding the processes of a command reads the list of all processes.
_SAMPLE_SECONDS = 0.5


class MemoryPeak:
    """Samples the memory of a command every half second.

    The peak that the system records for a child includes the memory of the process that started
    it, which is larger than that of many commands.
    """

    def __init__(self) -> None:
        self.bytes = 0
        """The largest sum of the resident memory of its processes."""
        self._next_sample = 0.0

    def sample(self, pid: int) -> None:
        """Measure a command's memory, unless the last sample is less than half a second old.

        Args:
            pid: The process of the command; it may have ended.
        """
        now = time.monotonic()
        if now < self._next_sample:
            return
        self._next_sample = now + _SAMPLE_SECONDS
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
            self.bytes = max(self.bytes, sum(map(_resident, family)))


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
