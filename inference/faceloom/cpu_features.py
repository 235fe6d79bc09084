"""What the processor can do."""

from pathlib import Path

import cv2

# OpenCV's numbers (CV_CPU_AVX_512F, CV_CPU_AVX_512VNNI), which its Python has no names for.
_AVX_512, _AVX_512_VNNI = 13, 23
_CPUINFO = Path("/proc/cpuinfo")


def has_avx512() -> bool:
    """Tell whether it has AVX-512, and this OpenCV knows of it."""
    return bool(cv2.checkHardwareSupport(_AVX_512))


def has_vnni() -> bool:
    """Tell whether it adds products of int8 in 32 bits at once (AVX-512 VNNI)."""
    return bool(cv2.checkHardwareSupport(_AVX_512_VNNI))


def has_amx() -> bool:
    """Tell whether it multiplies matrices of bfloat16 (AMX). Only Linux tells; elsewhere False."""
    return (
        _CPUINFO.is_file()
        and "amx_bf16" in _CPUINFO.read_text(encoding="utf-8", errors="replace").split()
    )
