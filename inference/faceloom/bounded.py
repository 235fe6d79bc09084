"""Read files that strangers made: never more than was asked for, never through a link, never a pipe or a device.

Sizes are looked at before anything is read, and what an array's header claims is held against the bytes that are
there before memory is taken for it.
"""

import math
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from faceloom.errors import ArtefactRefused

# A document of JSON, TOML or YAML grows about thirtyfold in memory.
MOST_OF_A_DOCUMENT = 32 * 2**20
# What the readers of an .npy header raise, beside ValueError, for one that is made up.
_NO_HEADER = (ValueError, TypeError, EOFError, OverflowError, RecursionError, MemoryError, SyntaxError)
# What `zipfile` raises for damage, beside its own error.
NO_ZIP = (
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
    """Return a file's bytes; raise ArtefactRefused if there are more than `most`, or it is no plain file.

    Raises OSError if it is not there or cannot be read.
    """
    size = _size_of(path)
    if size > most:
        raise ArtefactRefused(f"{path} has {size / 1e6:.0f} MB and at most {most / 1e6:.0f} are read; check the file.")
    with path.open("rb") as file:
        return file.read(most)


def lines_of(path: Path, most: int) -> Iterator[bytes]:
    """Yield a file's lines; raise ArtefactRefused at one of more than `most` bytes, OSError as `read_bounded`."""
    _size_of(path)
    with path.open("rb") as file:
        number = 0
        while line := file.readline(most + 1):
            number += 1
            if len(line) > most:
                raise ArtefactRefused(f"{path}, line {number} has more than {most} bytes; it was not made by faceloom.")
            yield line


def refuse_links(folder: Path) -> None:
    """Raise ArtefactRefused if anything in an artefact's folder is a link: writing into it would write elsewhere.

    The folder itself may be reached through one.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink():
                raise ArtefactRefused(
                    f"{path} is a link, which could lead anywhere; put what it names in its place, or link {folder} "
                    "as a whole."
                )


def read_npy(path: Path) -> np.ndarray:
    """Return the numbers of an .npy file; raise ArtefactRefused if it is none or claims more than it holds."""
    try:
        size = _size_of(path)
        with path.open("rb") as file:
            return _array(file, size)
    except (OSError, *_NO_HEADER) as error:
        raise ArtefactRefused(f"{path} is damaged or missing ({error}).") from error


def read_npz(archive: zipfile.ZipFile, names: Mapping[str, str] | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of an opened .npz, by name: all of them, or those of `names`, whose values are dtype kinds.

    Raises ValueError for what is no array of numbers or claims more than it holds, KeyError for a missing one.
    """
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    arrays = {}
    for name in members if names is None else names:
        with archive.open(members[name]) as file:
            try:
                arrays[name] = _array(file, members[name].file_size)
            except _NO_HEADER as error:
                raise ValueError(f"{name}: {error}") from error
        if names is not None and arrays[name].dtype.kind != names[name]:
            raise ValueError(f"{name} holds {arrays[name].dtype}")
    return arrays


@contextmanager
def refused_as(what: str, kinds: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn errors of some kinds into ArtefactRefused, which says `what` and the error."""
    try:
        yield
    except kinds as error:
        raise ArtefactRefused(f"{what} ({str(error)[:200]}).") from error


def _size_of(path: Path) -> int:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ArtefactRefused(f"{path} is no plain file; check the path.")
    return found.st_size


def _array(file: BufferedIOBase, size: int) -> np.ndarray:
    """Read an array of at most `size` bytes, header and all."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read_header(file)
    if dtype.kind not in "fiub":
        raise ValueError(f"it holds {dtype} and no numbers")
    length = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or length > size:
        raise ValueError(f"it claims {shape} {dtype} and has {size} bytes")
    data = file.read(length)
    if len(data) < length:
        raise ValueError(f"it claims {length} bytes and has {len(data)}")
    # A copy, as a view of bytes could not be written to.
    return np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C").copy()
