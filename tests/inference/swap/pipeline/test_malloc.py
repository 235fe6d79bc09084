"""Large buffers are mapped, so that freeing them returns their memory."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

_PROGRAM = """
import ctypes, sys
import numpy as np
from faceloom.swap.pipeline.malloc import set_malloc_thresholds

class Counts(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
        ).split()
    ]

libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    sys.exit(3)
libc.mallinfo2.restype = Counts
if sys.argv[1] == "mapped" and not set_malloc_thresholds():
    sys.exit(4)
np.empty(30_000_000, np.uint8)  # freed at once; glibc then raises its threshold
before = libc.mallinfo2().hblks
buffer = np.empty(20_000_000, np.uint8)
print(libc.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
@pytest.mark.parametrize(("mode", "mapped_blocks"), [("default", 0), ("mapped", 1)])
def test_a_large_buffer_is_mapped(mode: str, mapped_blocks: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, mode], capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip("this C library has no mallinfo2")
    assert (done.returncode, done.stdout.strip()) == (0, str(mapped_blocks)), done.stderr
