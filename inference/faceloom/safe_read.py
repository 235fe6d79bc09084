"""Read files that strangers made: never more than was asked for, never through a link, never a pipe or a device.

Sizes are looked at before anything is read, and what an array's header claims is held against the bytes that are
there before memory is taken for it.
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

# A document of JSON, TOML or YAML grows about thirtyfold in memory.
MAX_DOCUMENT_BYTES = 32 * 2**20
# The header as numpy writes it. Its own reader takes any Python literal, which can exhaust the parser.
_HEADER = re.compile(
    rb"\{'descr': '(?P<kind>[<>|](?:f[248]|[iu][1248]|b1))', 'fortran_order': (?P<by_columns>True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,18}(?:, \d{1,18}){0,7},?)?)\), \} *\n"
)
# What `zipfile` raises for damage, beside its own error.
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


def read_bounded(path: Path, most: int) -> bytes:
    """Return a file's bytes; raise ArtifactRefused if there are more than `most`, or it is no plain file.

    Raises OSError if it is not there or cannot be read.
    """
    size = _size_of(path)
    if size > most:
        raise ArtifactRefused(
            f"{path} has {size / 1e6:.0f} MB and at most {most / 1e6:.0f} are read; check the file."
        )
    with path.open("rb") as file:
        return file.read(size)


def read_lines(path: Path, most: int) -> Iterator[bytes]:
    """Yield a file's lines; raise ArtifactRefused at one of more than `most` bytes, OSError as `read_bounded`."""
    _size_of(path)
    with path.open("rb") as file:
        number = 0
        while line := file.readline(most + 1):
            number += 1
            if len(line) > most:
                raise ArtifactRefused(
                    f"{path}, line {number} has more than {most} bytes; it was not made by faceloom."
                )
            yield line


def check_no_symlinks(folder: Path) -> None:
    """Raise ArtifactRefused if anything in an artifact's folder is a link: writing into it would write elsewhere.

    The folder itself may be reached through one.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink():
                raise ArtifactRefused(
                    f"{path} is a link, which could lead anywhere; put what it names in its place, or link {folder} "
                    "as a whole."
                )


def read_npy(path: Path) -> np.ndarray:
    """Return the numbers of an .npy file; raise ArtifactRefused if it is none or claims more than it holds."""
    try:
        size = _size_of(path)
        with path.open("rb") as file:
            return _array(file, size)
    except (OSError, ValueError) as error:
        raise ArtifactRefused(f"{path} is damaged or missing ({error}).") from error


def read_npz(
    archive: zipfile.ZipFile, names: Mapping[str, str] | None = None
) -> dict[str, np.ndarray]:
    """Return the arrays of an opened .npz, by name: all of them, or those of `names`, whose values are dtype kinds.

    Raises ValueError for what is no array of numbers or claims more than it holds, KeyError for a missing one.
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
            raise ValueError(f"{name} holds {arrays[name].dtype}")
    return arrays


@contextmanager
def as_artifact_refused(what: str, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn errors of some kinds into ArtifactRefused, which says `what` and the error."""
    try:
        yield
    except kinds as error:
        raise ArtifactRefused(f"{what} ({str(error)[:200]}).") from error


def _size_of(path: Path) -> int:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ArtifactRefused(f"{path} is no plain file; check the path.")
    return found.st_size


def _array(file: IO[bytes] | BufferedIOBase, size: int) -> np.ndarray:
    """Read an array of at most `size` bytes, header and all."""
    head = file.read(10)
    if head[:8] != b"\x93NUMPY\1\0" or len(head) < 10:
        raise ValueError("it is no array")
    form = _HEADER.fullmatch(file.read(int.from_bytes(head[8:], "little")))
    if form is None:
        raise ValueError("it is no array of numbers")
    dtype, shape = (
        np.dtype(form["kind"].decode()),
        tuple(map(int, re.findall(rb"\d+", form["shape"]))),
    )
    length = math.prod(shape) * dtype.itemsize
    if length > size:
        raise ValueError(f"it claims {shape} {dtype} and has {size} bytes")
    data = file.read(length)
    if len(data) < length:
        raise ValueError(f"it claims {length} bytes and has {len(data)}")
    by_columns = form["by_columns"] == b"True"
    # A copy, as a view of bytes could not be written to.
    return np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C").copy()
