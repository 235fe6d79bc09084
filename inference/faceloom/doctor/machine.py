"""Check Python, the CPU cores and the memory."""

import platform
from collections.abc import Iterator

import psutil

from faceloom import __version__
from faceloom.doctor.check_result import CheckResult
from faceloom.hardware import available_cores
from faceloom.project.machine_speed import BYTES_PER_GB

# Free memory that conversion needs, in GB: the measured peak of a 4K video was 1.9 GB.
_NEEDED_GB = 2.0


def check() -> Iterator[CheckResult]:
    """Report the versions and check the free memory.

    Yields:
        The results.
    """
    yield CheckResult("faceloom", "ok", __version__)
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield CheckResult("python", "ok", python)
    memory = psutil.virtual_memory()
    free, total = memory.available / BYTES_PER_GB, memory.total / BYTES_PER_GB
    detail = f"{available_cores()} cores, {free:.1f} of {total:.1f} GB memory free"
    if free < _NEEDED_GB:
        advice = f"close other programs: a 4K video needs up to {_NEEDED_GB} GB"
        yield CheckResult("machine", "missing", detail, advice)
    else:
        yield CheckResult("machine", "ok", detail)
