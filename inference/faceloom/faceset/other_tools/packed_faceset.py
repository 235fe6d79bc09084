"""The archive `faceset.pak`, in which DeepFaceLab packs the pictures of a face set.

Its layout, in little-endian integers of 8 bytes: version 1; the length of a pickle; the pickle,
which repeats the metadata of the pictures; for each picture its first byte, counted from the first
picture; the size of the file; the pictures, unchanged. The pickle is skipped.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from faceloom.errors import MediaUnreadable
from faceloom.safe_read import check_regular_file

# Extension of the archive.
PACKED_EXTENSION = ".pak"
_VERSION = 1
# Version, and the length of the pickle.
_HEAD = struct.Struct("<QQ")
# One entry of the table.
_ENTRY = struct.Struct("<Q")
# Entries of the table that are read at once.
_CHUNK_ENTRIES = 4096
# Most pictures of an archive: two hours of a video.
_MAX_PICTURES = 200_000
# Smallest picture in bytes; a JPEG of one pixel has more.
_MIN_PICTURE_BYTES = 100
# Largest picture in bytes; one of 1024 pixels a side has less than a megabyte.
_MAX_PICTURE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class PackedPicture:
    """One picture of an archive."""

    archive: Path
    """The archive."""
    start: int
    """Index of its first byte in the archive."""
    length: int
    """Its length in bytes."""

    def read(self) -> bytes:
        """Return the content of the picture's file."""
        with self.archive.open("rb") as file:
            file.seek(self.start)
            return file.read(self.length)


def list_packed_pictures(path: Path) -> list[PackedPicture]:
    """List the pictures of an archive without reading them.

    Args:
        path: The archive.

    Returns:
        The pictures in order.

    Raises:
        MediaUnreadable: The file is not such an archive, or is damaged.
        OSError: The file cannot be read.
    """
    size = check_regular_file(path)
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise _unreadable(path)
        version, length = _HEAD.unpack(head)
        if version != _VERSION or _HEAD.size + length > size:
            raise _unreadable(path)
        file.seek(length, 1)
        starts = _read_starts(file, path, size)
        first = file.seek(_HEAD.size + length + _ENTRY.size * (len(starts) + 1))
    ends = [*(first + start for start in starts), size]
    pictures = [PackedPicture(path, start, end - start) for start, end in pairwise(ends)]
    if any(not _MIN_PICTURE_BYTES <= picture.length <= _MAX_PICTURE_BYTES for picture in pictures):
        raise _unreadable(path)
    return pictures


def _read_starts(file: BinaryIO, path: Path, size: int) -> list[int]:
    """Read the table up to its last entry, the size of the file."""
    starts: list[int] = []
    while len(starts) <= _MAX_PICTURES:
        data = file.read(_ENTRY.size * _CHUNK_ENTRIES)
        for (start,) in _ENTRY.iter_unpack(data[: len(data) // _ENTRY.size * _ENTRY.size]):
            if start == size:
                return starts
            starts.append(start)
            if starts[0] != 0 or start > size:
                raise _unreadable(path)
        if len(data) < _ENTRY.size * _CHUNK_ENTRIES:
            break
    raise _unreadable(path)


def _unreadable(path: Path) -> MediaUnreadable:
    return MediaUnreadable(
        f"{path} is not a packed face set of DeepFaceLab, or is damaged; unpack it in DeepFaceLab, "
        "and give the folder."
    )
