"""The limit of this process's address space, and errors that mean that memory is exhausted."""

import errno
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

# Classes that mean that memory is exhausted, by name: `faceloom` does not import TensorFlow.
_CLASSES = ("MemoryError", "ResourceExhaustedError")
# How libraries that have no class for it say so: the C++ library in onnxruntime and OpenCV,
# onnxruntime, CUDA, OpenCV, Python's threads, the dynamic loader, JAX, TensorFlow.
_MESSAGES = (
    "std::bad_alloc",
    "bad allocation",
    "failed to allocate memory",
    "out of memory",
    "insufficient memory",
    "can't start new thread",
    "cannot allocate memory",
    "failed to map segment",
    "resource_exhausted",
    "resource temporarily unavailable",
    "oom when allocating",
)


def address_space_limit() -> int | None:
    """Return the bytes of address space that this process may have (`ulimit -v`).

    Returns:
        The limit in bytes; None if there is none, and on other systems than Linux.
    """
    if sys.platform != "linux":
        return None
    # Windows has no such module. psutil takes 40 ms to import.
    resource: Any = import_module("resource")
    limit: int = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def free_address_space() -> int | None:
    """Return the bytes of address space that this process may still reserve.

    Returns:
        The bytes, at least 0; None if there is no limit.
    """
    # Imported here: `faceloom --help` does without it.
    import psutil  # noqa: PLC0415

    limit = address_space_limit()
    return None if limit is None else max(0, limit - int(psutil.Process().memory_info().vms))


def is_memory_exhausted(error: BaseException) -> bool:
    """Return whether an error, or one that led to it, means that memory is exhausted.

    Args:
        error: The error.
    """
    return any(_means_exhausted(each) for each in _chain(error))


def _means_exhausted(error: BaseException) -> bool:
    if any(each.__name__ in _CLASSES for each in type(error).__mro__):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error).lower()
    return any(message in text for message in _MESSAGES)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
