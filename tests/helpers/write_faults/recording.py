"""Read a recording of the calls with which a command wrote, which `preload.c` makes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changed a file or a folder."""

    name: str
    """open, create, write, truncate, fsync, mkdir, remove, rename or link."""
    inode: int
    """Inode of the open file; 0 for calls that name a path."""
    offset: int
    """Where the data is in the file; for truncate, the new size."""
    path: Path
    """The path; the old one of a rename or link."""
    other: Path | None = None
    """The new path of a rename or link."""
    data: bytes = b""
    """What was written."""
    in_child: bool = False
    """Whether a program that the command started called it."""


def read_recording(path: Path) -> Iterator[Call]:
    """Read a recording.

    Args:
        path: Its file.

    Yields:
        The calls, the first first.
    """
    with path.open("rb") as file:
        while head := file.readline():
            name, *numbers = head.split()
            in_child, inode, offset, size, length, other = map(int, numbers)
            path_of, other_of = (os.fsdecode(file.read(part)) for part in (length, other))
            yield Call(
                name.decode(),
                inode,
                offset,
                Path(path_of),
                Path(other_of) if other_of else None,
                file.read(size),
                bool(in_child),
            )
