"""The memory of a command and of its child processes is sampled."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from faceloom.studio.jobs import memory_peak
from faceloom.studio.jobs.memory_peak import MemoryPeak

pytestmark = pytest.mark.process

# Bytes that the child's own child fills.
FILLED = 50_000_000
FILL = f"filled = bytearray(b'x') * {FILLED}; print(flush=True); input()"
CODE = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {FILL!r}])"


@pytest.fixture
def pid() -> Iterator[int]:
    """A process whose child has filled its memory."""
    command = [sys.executable, "-S", "-c", CODE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid


def test_the_memory_of_all_its_processes_counts(pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_peak, "_SAMPLE_SECONDS", 1000)
    peak = MemoryPeak()
    peak.sample(pid)
    assert FILLED < peak.bytes < 3 * FILLED
    largest, peak.bytes = peak.bytes, 0
    peak.sample(pid)
    assert peak.bytes == 0
    monkeypatch.setattr(memory_peak, "_SAMPLE_SECONDS", 0)
    peak = MemoryPeak()
    peak.bytes = 2 * largest
    peak.sample(pid)
    assert peak.bytes == 2 * largest


def test_a_process_that_has_ended_needs_none() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    peak = MemoryPeak()
    peak.sample(process.pid)
    assert peak.bytes == 0
