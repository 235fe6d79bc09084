"""Read a member of a .zip at any position without holding it in memory, if it is not compressed."""

import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Header before a member's content (APPNOTE 4.3.7); the last two fields are the lengths of its name
# and of its extra field, which follow it.
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
# Bytes that are read at once for the checksum.
_CHUNK = 2**20


@contextmanager
def open_zip_member(
    archive: zipfile.ZipFile, name: str, path: Path
) -> Iterator[io.BufferedIOBase | io.RawIOBase]:
    """Open a member whose checksum is right; `zipfile` would read it again for each step back.

    Args:
        archive: The opened .zip.
        name: The member's name.
        path: The .zip.

    Yields:
        The member as a file: a part of the .zip if it is stored, else in memory.

    Raises:
        KeyError: There is no such member.
        zipfile.BadZipFile: The member is damaged.
    """
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED:
        yield io.BytesIO(archive.read(member))
        return
    with archive.open(member) as content:
        while content.read(_CHUNK):
            pass
    with path.open("rb", buffering=0) as file:
        file.seek(member.header_offset)
        *_, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        start = member.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        yield _FilePart(file, start, member.file_size)


class _FilePart(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: io.RawIOBase, start: int, size: int):
        self._file = file
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        view = memoryview(buffer)[: max(0, self._size - self._at)]
        self._file.seek(self._start + self._at)
        count = self._file.readinto(view) or 0
        self._at += count
        return count
