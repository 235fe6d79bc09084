"""The processor time of a child is known at its end, and so is its exit code."""

import os
import subprocess
import sys
import threading

import pytest

from faceloom.operating_system import wait_for_processor_time

pytestmark = pytest.mark.process

# Seconds that the child computes at least, and its exit code.
SECONDS = 0.1
EXIT_CODE = 3
COMPUTE = f"""
import time
while time.process_time() < {SECONDS}:
    pass
raise SystemExit({EXIT_CODE})
"""
needs_times = pytest.mark.skipif(not hasattr(os, "waitid"), reason="the system tells no times")


def start(code: str = COMPUTE) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-S", "-c", code])


@needs_times
def test_the_time_is_that_of_the_child() -> None:
    process = start()
    seconds = wait_for_processor_time(process, threading.Lock())
    assert seconds is not None
    assert seconds >= 0.8 * SECONDS
    assert process.returncode == EXIT_CODE


@needs_times
def test_the_exit_code_is_that_of_a_signal() -> None:
    process = start("import time; time.sleep(60)")
    process.terminate()
    assert wait_for_processor_time(process, threading.Lock()) is not None
    assert process.returncode < 0


@pytest.mark.parametrize("missing", ["another thread has waited", "no such call"])
def test_an_unknown_time_leaves_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    process = start()
    if missing == "no such call":
        monkeypatch.delattr(os, "waitid", raising=False)
    else:
        process.wait()
    assert wait_for_processor_time(process, threading.Lock()) is None
    assert process.returncode == EXIT_CODE
