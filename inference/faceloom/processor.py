"""What the processor can do."""

import cv2

# OpenCV's numbers (CV_CPU_AVX_512F, CV_CPU_AVX_512VNNI), which its Python has no names for.
_AVX_512, _AVX_512_VNNI = 13, 23


def has_avx512() -> bool:
    """Tell whether it has AVX-512, and this OpenCV knows of it."""
    return bool(cv2.checkHardwareSupport(_AVX_512))


def has_vnni() -> bool:
    """Tell whether it adds products of int8 in 32 bits at once (AVX-512 VNNI)."""
    return bool(cv2.checkHardwareSupport(_AVX_512_VNNI))
