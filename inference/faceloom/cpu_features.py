"""Instruction sets and cores of this machine's CPU."""

import os
from pathlib import Path

import cv2

# OpenCV's CV_CPU_AVX_512F, which its Python module does not name.
_AVX_512 = 13
# OpenCV's CV_CPU_AVX_512VNNI.
_AVX_512_VNNI = 23
_CPUINFO = Path("/proc/cpuinfo")


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
