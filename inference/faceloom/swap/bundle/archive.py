"""Read a bundle's files from a folder or a .zip into memory, without unpacking anything.

A .zip may come from anyone. Paths that lead outside it, and files that expand without bound, are
refused before any byte is decompressed.
"""

import io
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import ArtifactRefused
from faceloom.safe_read import ZIP_ERRORS, check_no_symlinks, read_bounded

# Pattern of a file's name in a bundle: no separators, so that no name leads outside the bundle.
FILE_NAME = r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,199}$"
# Largest size of a bundle in bytes: an ONNX file has at most 2 GB, and the largest presets fit in
# three precisions.
_MAX_BYTES = 4_000_000_000
# Largest number of files in a bundle; three graphs, a golden sample and a manifest are usual.
_MAX_FILES = 64
# Largest number of arrays in an .npz: the analysis state holds some for each face in view.
_MAX_ARRAYS = 10_000
# Largest size of one entry in a .zip's directory, in bytes; a name may have up to 64 kB.
_MAX_ENTRY_BYTES = 4096
# Accepted compression methods. The size of a member is checked before it is decompressed; bzip2
# and LZMA allocate memory before any output can be counted.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Largest accepted compression ratio of a large .zip: weights shrink by a tenth, flat masks
# a hundredfold.
_MAX_RATIO = 200
# Size in bytes up to which the ratio is not checked.
_UNCHECKED_RATIO_BYTES = 50_000_000
# The end-of-central-directory record of a .zip; its sixth field is the directory's length.
_END_RECORD = struct.Struct("<4s4H2LH")
# Bytes from the start of the ZIP64 end record to the end-of-central-directory record.
_ZIP64_OFFSET = 76
# Largest comment behind the end record, in bytes.
_MAX_COMMENT = 2**16


@dataclass(frozen=True, slots=True)
class BundleArchive:
    """The files of one opened bundle; see `open_archive`."""

    path: Path
    """The folder or .zip."""
    names: tuple[str, ...]
    """Names of the files, sorted."""
    zip_file: zipfile.ZipFile | None
    """The opened and checked .zip; None for a folder."""

    def read(self, name: str, max_bytes: int = _MAX_BYTES) -> bytes:
        """Return the bytes of one file.

        Args:
            name: The file's name.
            max_bytes: Largest accepted size, in bytes.

        Raises:
            ArtifactRefused: The file is missing, damaged or too large.
        """
        if self.zip_file is None:
            try:
                return read_bounded(self.path / name, max_bytes)
            except OSError:
                raise _missing(self.path, name) from None
        try:
            size = self.zip_file.getinfo(name).file_size
        except KeyError:
            raise _missing(self.path, name) from None
        if size > max_bytes:
            raise ArtifactRefused(
                f"{self.path / name} has {size} bytes and at most {max_bytes} are read; "
                "export or download the bundle again."
            )
        # zipfile stops at the size in the directory, even if the compressed data expands further.
        return self.zip_file.read(name)


@contextmanager
def open_archive(path: Path) -> Iterator[BundleArchive]:
    """Open a bundle and check its container once.

    Args:
        path: A bundle's folder or its .zip.

    Yields:
        The files; they can be read while the context is open.

    Raises:
        ArtifactRefused: `path` does not exist, contains a symbolic link, or is not a safe .zip.
    """
    if path.is_dir():
        check_no_symlinks(path)
        yield BundleArchive(path, tuple(sorted(file.name for file in path.iterdir())), None)
    elif path.is_file():
        with _refuse_damage(path), path.open("rb") as file, _open_directory(file, path) as archive:
            check_zip_is_safe(archive.infolist(), path)
            yield BundleArchive(path, tuple(sorted(archive.namelist())), archive)
    else:
        raise ArtifactRefused(
            f"{path} is not a bundle: there is no such folder or .zip; check the path."
        )


def write_zip(folder: Path, path: Path) -> None:
    """Pack a folder's files into a .zip.

    The files are sorted and carry no times, so equal bundles give equal .zip files.

    Args:
        folder: The bundle's folder.
        path: The .zip to write.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.iterdir()):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())


def check_zip_is_safe(members: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Check that a .zip stays inside itself and within a bundle's size.

    Args:
        members: The entries of the .zip's directory.
        path: The .zip, for messages.

    Raises:
        ArtifactRefused: A member has a path, is a link or encrypted, is there twice, or expands
            too far.
    """
    for member in members:
        if not re.fullmatch(FILE_NAME, member.filename):
            raise ArtifactRefused(
                f"{path} contains {member.filename!r}, but a bundle's files are at the top level "
                "of the .zip and have plain names; pack the files and not their folder."
            )
        if stat.S_ISLNK(member.external_attr >> 16) or member.flag_bits & 1:
            raise ArtifactRefused(
                f"{path}: {member.filename} is a link or encrypted; pack the file itself."
            )
    _check_expanded_size(members, path, _MAX_FILES)


def _check_expanded_size(members: Sequence[zipfile.ZipInfo], path: Path, max_files: int) -> None:
    """Raise ArtifactRefused if a .zip could expand beyond a bundle's size."""
    names = [member.filename for member in members]
    if any(member.compress_type not in _COMPRESSIONS for member in members):
        raise ArtifactRefused(
            f"{path} uses an unsupported compression method; pack it with deflate or uncompressed."
        )
    if len(names) > max_files or len(set(names)) < len(names):
        raise ArtifactRefused(
            f"{path} contains too many files, or one file twice; export or download it again."
        )
    size = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if size > _MAX_BYTES or (size > _UNCHECKED_RATIO_BYTES and size > _MAX_RATIO * packed):
        raise ArtifactRefused(
            f"{path} would expand from {packed / 1e6:.1f} to {size / 1e6:.0f} MB, which is not "
            "plausible for a bundle; it is not opened."
        )


@contextmanager
def open_zip(path: Path, data: bytes | None = None) -> Iterator[zipfile.ZipFile]:
    """Open a .zip and check that it is safe.

    Args:
        path: The .zip.
        data: Its bytes, if they are in memory already; None reads them from the disk as needed.

    Yields:
        The opened .zip.

    Raises:
        ArtifactRefused: The .zip is damaged or unsafe (see `check_zip_is_safe`).
    """
    with (
        _refuse_damage(path),
        path.open("rb") if data is None else io.BytesIO(data) as file,
        _open_directory(file, path) as archive,
    ):
        check_zip_is_safe(archive.infolist(), path)
        yield archive


@contextmanager
def open_npz_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an .npz file and check that it does not expand too far.

    The members' names are names of arrays and are not checked as file names.

    Args:
        path: The .npz.

    Yields:
        The opened .npz.

    Raises:
        ArtifactRefused: The file is damaged, or too large when expanded.
    """
    with (
        _refuse_damage(path),
        path.open("rb") as file,
        _open_directory(file, path, _MAX_ARRAYS) as archive,
    ):
        _check_expanded_size(archive.infolist(), path, _MAX_ARRAYS)
        yield archive


def _open_directory(
    file: io.BufferedIOBase, path: Path, max_files: int = _MAX_FILES
) -> zipfile.ZipFile:
    """Open a .zip unless its directory is longer than `max_files` entries can be.

    `zipfile` parses all entries before they can be counted, in ten times their bytes of memory.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END_RECORD.size - _MAX_COMMENT))
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) - end < _END_RECORD.size:
        raise zipfile.BadZipFile("it has no directory")
    length = _END_RECORD.unpack_from(tail, end)[5]
    # In a ZIP64 file the true length is in a record before the end record.
    zip64 = tail[max(0, end - _ZIP64_OFFSET) : end]
    if zip64[:4] == b"PK\6\6":
        length = max(length if length < 2**32 - 1 else 0, int.from_bytes(zip64[40:48], "little"))
    if length > max_files * _MAX_ENTRY_BYTES:
        raise ArtifactRefused(f"{path} contains too many files; export or download it again.")
    return zipfile.ZipFile(file)


@contextmanager
def _refuse_damage(path: Path) -> Iterator[None]:
    """Turn the errors of a damaged .zip into ArtifactRefused."""
    try:
        yield
    except ZIP_ERRORS as error:
        raise ArtifactRefused(
            f"{path} is not a readable .zip ({error}); export or download it again."
        ) from error


def _missing(path: Path, name: str) -> ArtifactRefused:
    if name == "manifest.json":
        return ArtifactRefused(f"{path} is not a bundle: it has no {name}; check the path.")
    return ArtifactRefused(f"The bundle {path} has no {name}; copy or export it again.")
