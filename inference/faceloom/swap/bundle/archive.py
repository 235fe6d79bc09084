"""The files of a bundle, in a folder or in one .zip: read into memory, never unpacked.

A .zip comes from strangers. Whatever in it could lead outside itself, or grow without end, is refused
before a byte of it is expanded.
"""

import io
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from faceloom.errors import ArtifactRefused
from faceloom.safe_read import NO_ZIP, read_bounded, refuse_links

# Plain names only: a bundle cannot point outside itself.
FILE_NAME = r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,199}$"
# Bytes that a bundle may hold: an ONNX file ends at 2 GB, and three precisions of the greatest fit.
_MOST_BYTES = 4_000_000_000
_MOST_FILES = 64
# Of a file of arrays, which may hold some for each face in view.
_MOST_ARRAYS = 10_000
# What one of the directory's entries may take: a name of 64 kB would be none.
_MOST_ENTRY = 4096
# Of these no few bytes can become many before they are counted, as of bzip2's and LZMA's.
_PACKED_BY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Weights shrink by a tenth and flat masks a hundredfold; what is small may shrink as it likes.
_MOST_SHRUNK, _SMALL = 200, 50_000_000
# The record at a .zip's end; its sixth field is the directory's length.
_END = struct.Struct("<4s4H2LH")


def list_files(path: Path) -> list[str]:
    """Return the names of a bundle's files; raise ArtifactRefused if `path` is neither folder nor sound .zip."""
    if path.is_dir():
        refuse_links(path)
        return sorted(file.name for file in path.iterdir())
    if not path.is_file():
        raise ArtifactRefused(
            f"{path} is no bundle: there is no such folder or .zip; check the path."
        )
    with _opened(path) as archive:
        return sorted(archive.namelist())


def read_file(path: Path, name: str, most: int = _MOST_BYTES) -> bytes:
    """Return the bytes of one file of a bundle; raise ArtifactRefused if it is not there, damaged or over `most`."""
    if path.is_dir():
        try:
            return read_bounded(path / name, most)
        except OSError:
            raise _lacks(path, name) from None
    with _opened(path) as archive:
        try:
            if archive.getinfo(name).file_size > most:
                raise ArtifactRefused(
                    f"{path / name} has more than {most} bytes; take the bundle anew."
                )
            # Never more than the size that was checked is read, whatever the compressed bytes go on to.
            return archive.read(name)
        except KeyError:
            raise _lacks(path, name) from None


def write_zip(folder: Path, path: Path) -> None:
    """Pack a folder's files, in the order of their names and without times: alike bundles are alike files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.iterdir()):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())


def refuse_unsafe_zip(members: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Raise ArtifactRefused if a .zip could lead outside itself or grow beyond what a bundle holds."""
    for member in members:
        if not re.fullmatch(FILE_NAME, member.filename):
            raise ArtifactRefused(
                f"{path} holds {member.filename!r}, and a bundle's files lie at the top of it, under plain names; "
                "pack the files and not their folder."
            )
        if stat.S_ISLNK(member.external_attr >> 16) or member.flag_bits & 1:
            raise ArtifactRefused(
                f"{path}: {member.filename} is a link or encrypted; pack the file itself."
            )
    _refuse_growing_zip(members, path, _MOST_FILES)


def _refuse_growing_zip(members: Sequence[zipfile.ZipInfo], path: Path, most: int) -> None:
    """Raise ArtifactRefused if a .zip could grow beyond what a bundle holds."""
    names = [member.filename for member in members]
    if any(member.compress_type not in _PACKED_BY for member in members):
        raise ArtifactRefused(
            f"{path} is packed in an uncommon way; pack it with deflate, or not at all."
        )
    size, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if len(names) > most or len(set(names)) < len(names):
        raise ArtifactRefused(f"{path} holds too many files, or one twice; take the bundle anew.")
    if size > _MOST_BYTES or (size > _SMALL and size > _MOST_SHRUNK * packed):
        raise ArtifactRefused(
            f"{path} would grow from {packed / 1e6:.1f} to {size / 1e6:.0f} MB, as no weights do; it is not opened."
        )


@contextmanager
def opened_zip(data: bytes, path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a .zip that lies in memory, once it is known to be harmless."""
    with (
        _refused_if_damaged(path),
        io.BytesIO(data) as file,
        _directory_read(file, path) as archive,
    ):
        refuse_unsafe_zip(archive.infolist(), path)
        yield archive


@contextmanager
def opened_arrays(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an .npz on disk, once it is known that it cannot grow without end; its members' names are not files."""
    with (
        _refused_if_damaged(path),
        path.open("rb") as file,
        _directory_read(file, path, _MOST_ARRAYS) as archive,
    ):
        _refuse_growing_zip(archive.infolist(), path, _MOST_ARRAYS)
        yield archive


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with _refused_if_damaged(path), path.open("rb") as file, _directory_read(file, path) as archive:
        refuse_unsafe_zip(archive.infolist(), path)
        yield archive


def _directory_read(
    file: io.BufferedIOBase, path: Path, most: int = _MOST_FILES
) -> zipfile.ZipFile:
    """Read a .zip's directory, unless it is longer than one of so few files can be.

    Each entry takes ten times its bytes in memory, and `zipfile` reads them all before any can be counted.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END.size - 2**16))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise zipfile.BadZipFile("it has no directory")
    length = _END.unpack_from(tail, at)[5]
    # Beyond 2 GB the true length stands in a record before it, which begins 76 bytes ahead.
    before = tail[max(0, at - 76) : at]
    if before[:4] == b"PK\6\6":
        length = max(length if length < 2**32 - 1 else 0, int.from_bytes(before[40:48], "little"))
    if length > most * _MOST_ENTRY:
        raise ArtifactRefused(f"{path} holds too many files; take the bundle anew.")
    return zipfile.ZipFile(file)


@contextmanager
def _refused_if_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except NO_ZIP as error:
        raise ArtifactRefused(
            f"{path} is no .zip that can be read ({error}); take the bundle anew."
        ) from error


def _lacks(path: Path, name: str) -> ArtifactRefused:
    if name == "manifest.json":
        return ArtifactRefused(f"{path} is no bundle: it has no {name}; check the path.")
    return ArtifactRefused(f"The bundle {path} lacks {name}; copy or export it again.")
