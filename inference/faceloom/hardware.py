"""Instruction sets of this machine's CPU; cores and memory that this process may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import psutil

from faceloom.operating_system import free_address_space

# OpenCV's CV_CPU_AVX_512F, which its Python module does not name.
_AVX_512 = 13
# OpenCV's CV_CPU_AVX_512VNNI.
_AVX_512_VNNI = 23
_CPUINFO = Path("/proc/cpuinfo")
# Share of the free memory that worker processes may take.
_MEMORY_SHARE = 0.7
# The limits of a container (control groups, version 2).
_CGROUP = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Return how many cores this process may use, limited by a container's CPU quota."""
    affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    return min([cores, *_container_cores()])


def available_memory() -> int:
    """Return the bytes that this process may still allocate, in a container and under `ulimit`."""
    address_space = free_address_space()
    return _free_memory() if address_space is None else min(_free_memory(), address_space)


def count_fitting_processes(process_bytes: float) -> int:
    """Return how many worker processes fit into the free memory; 1 if none does.

    A limit of the address space does not count: each process has it for itself.

    Args:
        process_bytes: Memory of each in bytes.
    """
    return max(1, int(_MEMORY_SHARE * _free_memory() / process_bytes))


def has_avx512() -> bool:
    """Return whether the CPU has AVX-512 and OpenCV detects it."""
    return bool(cv2.checkHardwareSupport(_AVX_512))


def has_vnni() -> bool:
    """Return whether the CPU has AVX-512 VNNI, which accumulates int8 products in 32 bits."""
    return bool(cv2.checkHardwareSupport(_AVX_512_VNNI))


def has_amx() -> bool:
    """Return whether the CPU multiplies bfloat16 matrices (AMX); known on Linux only."""
    return (
        _CPUINFO.is_file()
        and "amx_bf16" in _CPUINFO.read_text(encoding="utf-8", errors="replace").split()
    )


def _free_memory() -> int:
    return min([psutil.virtual_memory().available, *_container_memory()])


def _container_cores() -> Iterator[int]:
    """Yield the CPU quota of a container, in whole cores."""
    try:
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            yield max(1, int(quota) // int(period))
    except (OSError, ValueError):
        return


def _container_memory() -> Iterator[int]:
    """Yield the bytes that a container may still allocate."""
    try:
        limit, used = (
            (_CGROUP / name).read_text(encoding="ascii").strip()
            for name in ("memory.max", "memory.current")
        )
        if limit != "max":
            yield int(limit) - int(used)
    except (OSError, ValueError):
        return
