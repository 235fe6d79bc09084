"""Write a file or a directory under another name and rename it when it is whole.

A run that is killed leaves at most a hidden `.NAME.part`, which nothing reads and the next run
overwrites. An error or Ctrl-C leaves nothing at all.
"""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faceloom.errors import PartlyDone, UsageError


def check_output_file(path: Path, *, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise UsageError if a file cannot or may not be written to `path`. Called before the work.

    `inputs` are files that the work reads: they are never replaced, whatever `force` says.
    """
    _refuse_no_name(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file.")
    if path.exists() and any(path.samefile(source) for source in inputs if source.exists()):
        raise UsageError(f"{path} is the input itself; choose another name for the output.")
    if path.exists() and not force:
        raise _taken(path)


def check_output_directory(
    path: Path, marker: str, *, force: bool, inputs: Iterable[Path] = ()
) -> None:
    """Raise UsageError if a folder cannot or may not be written to `path`. Called before the work.

    With `force` only a folder that holds the file `marker`, so one of the same kind, or nothing is
    replaced, and none that `inputs` lie in.
    """
    _refuse_no_name(path)
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError(f"{path} is a file; name a folder.")
    if not force:
        raise _taken(path)
    if any(path.iterdir()) and not (path / marker).is_file():
        raise UsageError(
            f"{path} holds other things (it has no {marker}) and is not replaced; choose another name."
        )
    if any(source.resolve().is_relative_to(path.resolve()) for source in inputs):
        raise UsageError(f"{path} holds the input and is not replaced; choose another name.")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path to write; on success it becomes `path`, otherwise it is removed."""
    path = path.resolve()
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
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield an empty directory to fill; on success it becomes `path`, otherwise it is removed.

    What stands at `path` is replaced: `check_output_directory` decides beforehand whether it may be.
    """
    path = path.resolve()
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


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 text file atomically."""
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8")


def check_disk_space(folder: Path, needed: int) -> None:
    """Raise PartlyDone unless `needed` bytes are free; for writers that do not survive a full disk."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PartlyDone(
            f"{folder} has {free / 1e6:.0f} MB left and {needed / 1e6:.0f} MB are needed; "
            "free some space and run the same command again."
        )


def friendly_os_error(error: OSError, path: Path) -> PartlyDone | UsageError:
    """Return what an error of the operating system means to a person."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return PartlyDone(
            f"{path} could not be written: the disk is full; free some space and run the same command again."
        )
    where = f" ({error.filename})" if error.filename and str(error.filename) != str(path) else ""
    return UsageError(
        f"{path} cannot be used: {(error.strerror or str(error)).lower()}{where}; choose another place."
    )


def _refuse_no_name(path: Path) -> None:
    if not path.name:
        raise UsageError(f"{path} has no name of its own; give the output one.")


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path} exists already; choose another name or pass --force to replace it.")


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _exchange(part: Path, path: Path) -> None:
    """Put `part` in the place of `path`; the old one is gone only when the new one stands."""
    old = path.with_name(f".{path.name}.old.part")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    part.rename(path)
    shutil.rmtree(old, ignore_errors=True)


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
        raise friendly_os_error(error, path) from error
