"""Large buffers go back to the system: glibc counts those that it took from there for themselves."""

import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, sys
import numpy as np
from faceloom.malloc import give_back_large_buffers

class Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    sys.exit(3)
libc.mallinfo2.restype = Counts
if sys.argv[1] == "given back" and not give_back_large_buffers():
    sys.exit(4)
np.empty(30_000_000, np.uint8)  # freed at once: glibc keeps as large ones from now on
before = libc.mallinfo2().hblks
kept = np.empty(20_000_000, np.uint8)
print(libc.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the allocator of Linux")
@pytest.mark.parametrize(("how", "own_places"), [("left alone", 0), ("given back", 1)])
def test_a_large_buffer_has_a_place_of_its_own(how: str, own_places: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip("this C library does not say what it holds")
    assert (done.returncode, done.stdout.strip()) == (0, str(own_places)), done.stderr
