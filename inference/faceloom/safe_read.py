"""Read untrusted files: size limits, no pipes or devices, no memory for bytes that do not exist.

A file's size is checked before it is read. The size that an array's header declares is compared
with the bytes that exist before memory is allocated.
"""

import math
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import IO

import numpy as np

from faceloom.errors import ArtifactRefused

# Largest JSON, TOML or YAML document in bytes; parsed, it takes about 30 times as much.
MAX_DOCUMENT_BYTES = 32 * 2**20
# The header as NumPy writes it. NumPy's own reader parses any Python literal, which can exhaust it.
_HEADER = re.compile(
    rb"\{'descr': '(?P<kind>[<>|](?:f[248]|[iu][1248]|b1))', "
    rb"'fortran_order': (?P<fortran_order>True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,18}(?:, \d{1,18}){0,7},?)?)\), \} *\n"
)
# The errors that `zipfile` raises for damaged archives.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    zlib.error,
    struct.error,
    ValueError,
    RuntimeError,
    OSError,
)


def check_regular_file(path: Path) -> int:
    """Check that a file is no pipe and no device.

    Args:
        path: The file.

    Returns:
        Its size in bytes.

    Raises:
        ArtifactRefused: The file is not a regular file.
        OSError: The file does not exist or cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ArtifactRefused(f"{path} is not a regular file; check the path.")
    return status.st_size


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Read a file of limited size.

    Args:
        path: The file.
        max_bytes: Largest size that is read.

    Returns:
        The content.

    Raises:
        ArtifactRefused: The file is larger or not a regular file.
        OSError: The file does not exist or cannot be read.
    """
    size = check_regular_file(path)
    if size > max_bytes:
        raise ArtifactRefused(
            f"{path} has {size / 1e6:.0f} MB, more than the limit of {max_bytes / 1e6:.0f} MB; "
            "check the file."
        )
    with path.open("rb") as file:
        return file.read(size)


def read_lines(path: Path, max_bytes: int) -> Iterator[bytes]:
    """Read a file line by line.

    Args:
        path: The file.
        max_bytes: Longest line that is read.

    Yields:
        The lines with their newlines.

    Raises:
        ArtifactRefused: A line is longer, or the file is not a regular file.
        OSError: The file does not exist or cannot be read.
    """
    check_regular_file(path)
    with path.open("rb") as file:
        number = 0
        while line := file.readline(max_bytes + 1):
            number += 1
            if len(line) > max_bytes:
                raise ArtifactRefused(
                    f"{path}, line {number} has more than {max_bytes} bytes, which Faceloom never "
                    "writes: the file is damaged or another program's; restore it from a copy, or "
                    "make its folder again."
                )
            yield line


def check_no_symlinks(folder: Path) -> None:
    """Check that an artifact's folder contains no symbolic link, which could lead anywhere.

    Args:
        folder: The folder; it may itself be reached through a link.

    Raises:
        ArtifactRefused: The folder contains a link.
    """
    for place, _, _ in os.walk(folder):
        # The entries know their types; a `Path` for each of 20,000 crops takes seconds.
        with os.scandir(place) as entries:
            links = [Path(entry.path) for entry in entries if entry.is_symlink()]
        for link in links:
            check_not_symlink(link, folder)


def check_not_symlink(path: Path, folder: Path) -> None:
    """Check that a path in an artifact's folder is no symbolic link, which could lead anywhere.

    Args:
        path: The path, which may not exist.
        folder: The folder, for the message.

    Raises:
        ArtifactRefused: It is a link.
    """
    if path.is_symlink():
        raise ArtifactRefused(
            f"{path} is a symbolic link, which could lead anywhere; replace it with the "
            f"file that it names, or link {folder} as a whole."
        )


def read_npy(path: Path) -> np.ndarray:
    """Read an .npy file.

    Args:
        path: The file.

    Returns:
        The array of numbers.

    Raises:
        ArtifactRefused: The file is missing, damaged, not an array of numbers, or too short.
    """
    try:
        size = check_regular_file(path)
        with path.open("rb") as file:
            return _array(file, size)
    except (OSError, ValueError) as error:
        raise ArtifactRefused(f"{path} is damaged or missing ({error}).") from error


def read_npz(
    archive: zipfile.ZipFile, names: Mapping[str, str] | None = None
) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz archive.

    Args:
        archive: The archive.
        names: The arrays to read, with the dtype kind that each must have (NumPy's `dtype.kind`);
            None reads all.

    Returns:
        The arrays by name.

    Raises:
        ValueError: A member is not an array of numbers, has another dtype kind, or is too short.
        KeyError: An array is missing.
    """
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    arrays = {}
    for name in members if names is None else names:
        with archive.open(members[name]) as file:
            try:
                arrays[name] = _array(file, members[name].file_size)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        if names is not None and arrays[name].dtype.kind != names[name]:
            raise ValueError(f"{name} has dtype {arrays[name].dtype}")
    return arrays


@contextmanager
def as_artifact_refused(what: str, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn errors of the block into ArtifactRefused.

    Args:
        what: The beginning of the message; the original error follows in parentheses.
        kinds: The exceptions to convert.

    Raises:
        ArtifactRefused: An exception of `kinds` occurred.
    """
    try:
        yield
    except kinds as error:
        raise ArtifactRefused(f"{what} ({str(error)[:200]}).") from error


def _array(file: IO[bytes] | BufferedIOBase, size: int) -> np.ndarray:
    """Read an array of at most `size` bytes, including the header."""
    head = file.read(10)
    if head[:8] != b"\x93NUMPY\1\0" or len(head) < 10:
        raise ValueError("not an array")
    form = _HEADER.fullmatch(file.read(int.from_bytes(head[8:], "little")))
    if form is None:
        raise ValueError("not an array of numbers")
    dtype = np.dtype(form["kind"].decode())
    shape = tuple(map(int, re.findall(rb"\d+", form["shape"])))
    length = math.prod(shape) * dtype.itemsize
    if length > size:
        raise ValueError(f"{shape} {dtype} need more than its {size} bytes")
    data = file.read(length)
    if len(data) < length:
        raise ValueError(f"{length} bytes are declared and {len(data)} exist")
    fortran_order = form["fortran_order"] == b"True"
    # A view of bytes is read-only, so copy.
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C").copy()
