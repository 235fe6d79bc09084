"""The files of a bundle, in a folder or in one .zip: read into memory, never unpacked.

A .zip comes from strangers. Whatever in it could lead outside itself, or grow without end, is refused
before a byte of it is expanded.
"""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from faceloom.errors import ArtefactRefused

# Plain names only: a bundle cannot point outside itself.
FILE_NAME = r"^[0-9A-Za-z][0-9A-Za-z_.-]*$"
# Bytes that a bundle may hold: an ONNX file ends at 2 GB, and three precisions of the greatest fit.
_MOST_BYTES = 4_000_000_000
_MOST_FILES = 64
# Weights shrink by a tenth and flat masks a hundredfold; what is small may shrink as it likes.
_MOST_SHRUNK, _SMALL = 200, 50_000_000


def list_files(path: Path) -> list[str]:
    """Return the names of a bundle's files; raise ArtefactRefused if `path` is neither folder nor sound .zip."""
    if path.is_dir():
        return sorted(file.name for file in path.iterdir())
    if not path.exists():
        raise ArtefactRefused(f"{path} is no bundle: there is no such folder or .zip; check the path.")
    with _opened(path) as archive:
        return sorted(archive.namelist())


def read_file(path: Path, name: str) -> bytes:
    """Return the bytes of one file of a bundle; raise ArtefactRefused if it is not there or damaged."""
    if path.is_dir():
        try:
            return (path / name).read_bytes()
        except OSError:
            raise _lacks(path, name) from None
    with _opened(path) as archive:
        try:
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
    """Raise ArtefactRefused if a .zip could lead outside itself or grow beyond what a bundle holds."""
    names = [member.filename for member in members]
    for member in members:
        if not re.match(FILE_NAME, member.filename):
            raise ArtefactRefused(
                f"{path} holds {member.filename!r}, and a bundle's files lie at the top of it, under plain names; "
                "pack the files and not their folder."
            )
        if stat.S_ISLNK(member.external_attr >> 16) or member.flag_bits & 1:
            raise ArtefactRefused(f"{path}: {member.filename} is a link or encrypted; pack the file itself.")
    size, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if len(names) > _MOST_FILES or len(set(names)) < len(names):
        raise ArtefactRefused(f"{path} holds too many files, or one twice; take the bundle anew.")
    if size > _MOST_BYTES or (size > _SMALL and size > _MOST_SHRUNK * packed):
        raise ArtefactRefused(
            f"{path} would grow from {packed / 1e6:.1f} to {size / 1e6:.0f} MB, as no weights do; it is not opened."
        )


@contextmanager
def opened_zip(data: bytes, path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a .zip that lies in memory, once it is known to be harmless."""
    with _refused_if_damaged(path), zipfile.ZipFile(io.BytesIO(data)) as archive:
        refuse_unsafe_zip(archive.infolist(), path)
        yield archive


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with _refused_if_damaged(path), zipfile.ZipFile(path) as archive:
        refuse_unsafe_zip(archive.infolist(), path)
        yield archive


@contextmanager
def _refused_if_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise ArtefactRefused(f"{path} is no .zip that can be read ({error}); take the bundle anew.") from error


def _lacks(path: Path, name: str) -> ArtefactRefused:
    if name == "manifest.json":
        return ArtefactRefused(f"{path} is no bundle: it has no {name}; check the path.")
    return ArtefactRefused(f"The bundle {path} lacks {name}; copy or export it again.")
