"""Turn FFmpeg's errors into sentences: the only place that words them for the user."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from faceloom.atomic import friendly_os_error
from faceloom.errors import FaceloomError, MediaUnreadable, MemoryExhausted, UsageError
from faceloom.operating_system import is_memory_exhausted

# What PyAV raises: FFmpeg's own errors, and ValueError for a stream that a container cannot hold.
FFMPEG_ERRORS = (av.FFmpegError, ValueError)
# Errors that concern the disk and not the media.
_DISK_ERRORS = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS])


def reason(error: Exception) -> str:
    """Return what FFmpeg says, without its codes and without a file name.

    Args:
        error: One of `FFMPEG_ERRORS`.
    """
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".").lower()


@contextmanager
def as_media_unreadable(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors while a file is read into MediaUnreadable.

    Args:
        path: The file.

    Raises:
        MediaUnreadable: FFmpeg refused it.
        MemoryExhausted: FFmpeg cannot allocate memory.
    """
    try:
        yield
    except av.FFmpegError as error:
        raise read_error(error, path) from error


def read_error(error: Exception, path: Path) -> MediaUnreadable | MemoryExhausted:
    """Return the error to raise for one that occurred while a file was read.

    Args:
        error: One of `FFMPEG_ERRORS`.
        path: The file.
    """
    if _lacks_memory(error):
        return _memory_exhausted(path)
    return MediaUnreadable(
        f"{path} cannot be read ({reason(error)}); check that it plays in a video player."
    )


@contextmanager
def as_write_error(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors while an output is written into one sentence.

    Args:
        path: The output's name.

    Raises:
        PartlyDone: The disk is full, or FFmpeg cannot allocate memory.
        UsageError: The container refused something.
    """
    try:
        yield
    except FFMPEG_ERRORS as error:
        raise write_error(error, path) from error


def write_error(error: Exception, path: Path) -> FaceloomError:
    """Return the error to raise for one that occurred while an output was written.

    Args:
        error: One of `FFMPEG_ERRORS`.
        path: The output's name.
    """
    if _lacks_memory(error):
        return _memory_exhausted(path)
    code = getattr(error, "errno", None)
    if code in _DISK_ERRORS:
        return friendly_os_error(OSError(code, reason(error)), path)
    other = ".mp4" if path.suffix.lower() == ".mkv" else ".mkv"
    return UsageError(
        f"{path} cannot be written: its container refuses this video ({reason(error)}); choose a "
        f"name that ends in {other}."
    )


def check_memory(error: Exception, path: Path) -> None:
    """Check that an error of FFmpeg is not a failed allocation.

    Code that skips damaged frames calls this: without memory, every frame would count as damaged.

    Args:
        error: One of `FFMPEG_ERRORS`.
        path: The file.

    Raises:
        MemoryExhausted: FFmpeg cannot allocate memory.
    """
    if _lacks_memory(error):
        raise _memory_exhausted(path) from error


def _lacks_memory(error: Exception) -> bool:
    # FFmpeg reports EAGAIN if it cannot start a thread, whose stack needs memory.
    return isinstance(error, BlockingIOError) or is_memory_exhausted(error)


def _memory_exhausted(path: Path) -> MemoryExhausted:
    return MemoryExhausted(
        f"There is too little memory for a frame of {path}; close other programs and run the same "
        "command again."
    )
