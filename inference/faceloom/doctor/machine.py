"""Python, cores and memory."""

import os
import platform
from collections.abc import Iterator

import psutil

from faceloom import __version__
from faceloom.doctor.finding import Finding

# What conversion of a 4K clip took at its peak: 1.9 GB.
_NEEDED_GB = 2.0


def check() -> Iterator[Finding]:
    """Say what runs Faceloom."""
    yield Finding("faceloom", "ok", __version__)
    yield Finding(
        "python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    )
    memory = psutil.virtual_memory()
    free = memory.available / 2**30
    detail = f"{os.cpu_count()} cores, {free:.1f} of {memory.total / 2**30:.1f} GB memory free"
    if free < _NEEDED_GB:
        yield Finding(
            "machine",
            "missing",
            detail,
            f"close other programs: a 4K clip takes up to {_NEEDED_GB} GB",
        )
    else:
        yield Finding("machine", "ok", detail)
