"""Write a file or a directory under a temporary name and rename it when it is complete.

A process that is killed leaves at most a hidden `.NAME.part`, which nothing reads and the next run
overwrites. An error or Ctrl-C leaves nothing. After a power failure each path is complete, old or
new, and no write remains without those before it: content is flushed before the rename, and the new
name after it.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faceloom.errors import PartlyDone, UsageError
from faceloom.operating_system import flush_names, flush_to_disk

# Longest file name in bytes, the limit of Linux' and macOS' file systems.
_MAX_NAME_BYTES = 255


def check_output_file(path: Path, *, force: bool, inputs: Iterable[Path] = ()) -> None:
    """Check that a file may be written. Called before the work.

    Args:
        path: The output file.
        force: Whether an existing file may be replaced.
        inputs: Files and folders that the work reads; they, and files in such a folder, are never
            replaced, not even with `force`.

    Raises:
        UsageError: The path is a folder, has no name, exists already, or is an input.
    """
    _check_has_name(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file.")
    if path.exists():
        _check_is_no_input(path, inputs)
    if path.exists() and not force:
        raise _exists_error(path)


def _check_is_no_input(path: Path, inputs: Iterable[Path]) -> None:
    for source in inputs:
        if source.exists() and path.samefile(source):
            raise UsageError(f"{path} is the input itself; choose another name for the output.")
        if source.is_dir() and path.resolve().is_relative_to(source.resolve()):
            raise UsageError(
                f"{path} is a file of the input {source} and is not replaced; choose another name."
            )


def check_output_directory(
    path: Path, marker: str, *, force: bool, inputs: Iterable[Path] = ()
) -> None:
    """Check that a folder may be written. Called before the work.

    Args:
        path: The output folder.
        marker: Name of a file that every folder of this kind contains. Only such a folder, or an
            empty one, is replaced.
        force: Whether an existing folder may be replaced.
        inputs: Files that the work reads; a folder that contains one is never replaced.

    Raises:
        UsageError: The folder must not be replaced.
    """
    _check_has_name(path)
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError(f"{path} is a file; name a folder.")
    if not force:
        raise _exists_error(path)
    if any(path.iterdir()) and not (path / marker).is_file():
        raise UsageError(
            f"{path} contains other files (there is no {marker}) and is not replaced; "
            "choose another name."
        )
    if any(source.resolve().is_relative_to(path.resolve()) for source in inputs):
        raise UsageError(f"{path} contains the input and is not replaced; choose another name.")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write a file atomically.

    Args:
        path: The file to write. Missing parent folders are created.

    Yields:
        The temporary path to write. It is renamed to `path` on success and removed on failure.

    Raises:
        UsageError: The file cannot be written.
        PartlyDone: The disk is full.
    """
    path = path.resolve()
    part = _part_of(path)
    with explain_os_errors(path):
        try:
            _make_folders(path.parent)
            yield part
            flush_to_disk(part)
            part.replace(path)
            flush_names(path.parent)
        finally:
            # It is gone after the rename. One that cannot be removed is overwritten later.
            with suppress(OSError):
                part.unlink()


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Write a folder atomically.

    Args:
        path: The folder to write. An existing one is replaced; call `check_output_directory` first.

    Yields:
        An empty temporary folder. It is renamed to `path` on success and removed on failure.

    Raises:
        UsageError: The folder cannot be written.
        PartlyDone: The disk is full.
    """
    path = path.resolve()
    part = _part_of(path)
    with explain_os_errors(path):
        try:
            shutil.rmtree(part, ignore_errors=True)
            _make_folders(part)
            yield part
            for file in (*part.rglob("*"), part):
                flush_to_disk(file)
            _exchange(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically.

    Args:
        path: The file to write.
        text: Its content.
    """
    with atomic_file(path) as part:
        # A file name in the text may not be UTF-8.
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def explain_os_errors(path: Path) -> Iterator[None]:
    """Raise errors of the operating system inside the block as a `FaceloomError`.

    Args:
        path: The file or folder that is written; errors of an open file do not name it.

    Yields:
        Nothing.

    Raises:
        UsageError: It cannot be written.
        PartlyDone: The disk is full.
    """
    try:
        yield
    except OSError as error:
        raise friendly_os_error(error, path) from error


def check_disk_space(folder: Path, needed: int) -> None:
    """Check that a disk has enough space; for writers that do not survive a full disk.

    Args:
        folder: A folder on the disk.
        needed: Bytes that must be free.

    Raises:
        PartlyDone: Less is free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PartlyDone(
            f"{folder} has {free / 1e6:.0f} MB free and {needed / 1e6:.0f} MB are needed; "
            "free some space and run the same command again."
        )


def friendly_os_error(error: OSError, path: Path) -> PartlyDone | UsageError:
    """Turn an error of the operating system into one sentence for the user.

    Args:
        error: The error.
        path: The file or folder that it concerns.

    Returns:
        PartlyDone if the disk is full, otherwise UsageError.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return PartlyDone(
            f"{path} cannot be written: the disk is full; free some space and run the same "
            "command again."
        )
    where = f" ({error.filename})" if error.filename and str(error.filename) != str(path) else ""
    reason = (error.strerror or str(error)).lower()
    return UsageError(f"{path} cannot be used: {reason}{where}; choose another path.")


def _check_has_name(path: Path) -> None:
    if not path.name:
        raise UsageError(f"{path} has no file name; name the output.")
    if len(os.fsencode(path.name)) > _MAX_NAME_BYTES:
        raise UsageError(
            f"The name of {path} has more than {_MAX_NAME_BYTES} bytes; choose a shorter one."
        )


def _exists_error(path: Path) -> UsageError:
    return UsageError(f"{path} exists already; choose another name, or replace it with --force.")


def hidden_sibling(path: Path, suffix: str) -> Path:
    """Return the path of a hidden file beside another one: `.NAME.SUFFIX`.

    Args:
        path: The file or folder that it belongs to.
        suffix: What is appended, without a dot, such as "part".

    Returns:
        The path. Of a name that would become too long, a hash stands for the end.
    """
    name = f".{path.name}.{suffix}"
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.{suffix}"
    return path.with_name(name)


def _part_of(path: Path) -> Path:
    return hidden_sibling(path, "part")


def _exchange(part: Path, path: Path) -> None:
    """Rename `part` to `path`; the old folder is removed after the new one is in place."""
    old = hidden_sibling(path, "old.part")
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    part.rename(path)
    flush_names(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _make_folders(folder: Path) -> None:
    """Create a folder and its parents, and flush their names."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        flush_names(path.parent)
