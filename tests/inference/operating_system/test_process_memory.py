"""Errors of any library that mean that memory is exhausted are recognized."""

import errno
import sys
from collections.abc import Callable

import av
import cv2
import numpy as np
import pytest

from faceloom.errors import ArtifactRefused
from faceloom.operating_system import free_address_space, is_memory_exhausted, process_memory


def raised_from(cause: Exception) -> Exception:
    error = ArtifactRefused("onnxruntime cannot load swap.onnx")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("[ONNXRuntimeError] : 1 : FAIL : std::bad_alloc"), True),
        (RuntimeError("CUDA failure 2: out of memory ; GPU=0"), True),
        (ImportError("libcuda.so: failed to map segment from shared object"), True),
        (raised_from(RuntimeError("std::bad_alloc")), True),
        (raised_from(RuntimeError("Protobuf parsing failed")), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (av.error.InvalidDataError(errno.EINVAL, "Invalid data found"), False),
    ],
)
def test_exhausted_memory(error: Exception, expected: bool) -> None:
    assert is_memory_exhausted(error) is expected


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: np.empty(2**60, np.uint8),
        lambda: cv2.copyMakeBorder(np.zeros((1, 1)), 0, 2**30, 0, 2**30, cv2.BORDER_CONSTANT),
    ],
    ids=["NumPy", "OpenCV"],
)
def test_what_libraries_raise(allocate: Callable[[], object]) -> None:
    with pytest.raises((MemoryError, cv2.error)) as raised:
        allocate()
    assert is_memory_exhausted(raised.value)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is read on Linux only")
def test_only_linux_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda name: (1000, 1000))
    assert process_memory.address_space_limit() == 1000
    monkeypatch.setattr(sys, "platform", "darwin")
    assert process_memory.address_space_limit() is None


def test_free_address_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_memory, "address_space_limit", lambda: None)
    assert free_address_space() is None
    monkeypatch.setattr(process_memory, "address_space_limit", lambda: 2**50)
    assert 2**49 < (free_address_space() or 0) < 2**50
    monkeypatch.setattr(process_memory, "address_space_limit", lambda: 1000)
    assert free_address_space() == 0
