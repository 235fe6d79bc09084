"""A studio in its own process, for benchmarks."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import numpy as np

from faceloom.studio.studio_project import Item, StudioProject


@dataclass(frozen=True, slots=True)
class RunningStudio:
    """A studio in its own process."""

    address: str
    """Address of its pages, without a slash at the end."""
    link: str
    """The link that it prints."""
    headers: dict[str, str]
    """Headers that its requests need."""
    items: tuple[Item, ...]
    """What the project contains."""
    pid: int
    """The process."""

    def request(self, path: str) -> tuple[float, float]:
        """Return the time of a request until its whole answer is there, and the processor time.

        A still that is not ready is requested again, as the page does.
        """
        request = urllib.request.Request(self.address + path, headers=self.headers)
        begin, used = time.perf_counter(), self._processor_seconds()
        status = HTTPStatus.ACCEPTED
        while status == HTTPStatus.ACCEPTED:
            with urllib.request.urlopen(request) as answer:
                answer.read()
                status = answer.status
        return 1000 * (time.perf_counter() - begin), 1000 * (self._processor_seconds() - used)

    def _processor_seconds(self) -> float:
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        # User and system time, proc_pid_stat(5).
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_studio(folder: Path, paths: Sequence[Path]) -> Iterator[RunningStudio]:
    """Serve a new project.

    Args:
        folder: An empty folder.
        paths: What the project contains: videos, face sets, runs or bundles.

    Yields:
        The studio.
    """
    project = StudioProject.open(folder / "project")
    items = tuple(project.open_path(path) for path in paths)
    command = [sys.executable, "-m", "faceloom", "studio", str(project.folder)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_DATA_HOME": str(folder / "data")},
    )
    try:
        assert process.stdout is not None
        match = re.search(r"(http://localhost:(\d+))/\?token=(\S+)", process.stdout.readline())
        assert match, "the studio prints its link first"
        address, port, token = match.groups()
        cookie = {"Cookie": f"faceloom_studio_{port}={token}"}
        yield RunningStudio(address, match[0], cookie, items, process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def print_row(name: str, milliseconds: Sequence[float] | Sequence[tuple[float, float]]) -> None:
    """Print a row of a table: p50 and p95 of times and of processor times, and their number."""
    if milliseconds:
        rows = np.reshape(milliseconds, (len(milliseconds), -1))
        cells = [f"{value:.0f}" for value in np.percentile(rows, [50, 95], axis=0).T.flat]
        cells += ["", ""][: 4 - len(cells)]
        print(f"| {name} | {' | '.join(cells)} | {len(milliseconds)} |", flush=True)
