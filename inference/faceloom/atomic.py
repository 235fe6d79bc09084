"""Write a file or a directory under another name and rename it when it is whole.

A run that is killed leaves at most `NAME.part`, which nothing reads and the next
run overwrites. An error or Ctrl-C leaves nothing at all.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceloom.errors import PartlyDone, UsageError


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise UsageError if `path` exists and may not be replaced. Called before the work."""
    if path.exists() and not force:
        raise UsageError(f"{path} exists already; choose another name or pass --force to replace it.")


@contextmanager
def replacing_file(path: Path, *, force: bool = True) -> Iterator[Path]:
    """Yield a path to write; on success it becomes `path`, otherwise it is removed."""
    refuse_existing(path, force=force)
    part = _part_of(path)
    with _said_plainly(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
            _flush_to_disk(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def replacing_directory(path: Path, *, force: bool = True) -> Iterator[Path]:
    """Yield an empty directory to fill; on success it becomes `path`, otherwise it is removed."""
    refuse_existing(path, force=force)
    part = _part_of(path)
    with _said_plainly(path):
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            yield part
            for file in part.rglob("*"):
                _flush_to_disk(file)
            _exchange(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def write_text(path: Path, text: str, *, force: bool = True) -> None:
    """Write a whole UTF-8 text file atomically."""
    with replacing_file(path, force=force) as part:
        part.write_text(text, encoding="utf-8")


def _part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _exchange(part: Path, path: Path) -> None:
    """Put `part` in the place of `path`; the old one is gone only when the new one stands."""
    old = path.with_name(path.name + ".old.part")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    part.rename(path)
    if old.is_dir():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = {
            errno.ENOSPC: "the disk is full; free some space and run the same command again",
            errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
            errno.EACCES: "it may not be written; choose another place or change its permissions",
            errno.EROFS: "the disk is read-only; choose another place",
        }.get(error.errno or 0)
        if reason is None:
            raise
        raise PartlyDone(f"{path} could not be written: {reason}.") from error
