"""Read a bundle and check all of its files before any of them is used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from faceloom.array_types import MaskBatch, RgbBatch
from faceloom.artifact_kind import Purpose, check_kind
from faceloom.errors import ArtifactRefused
from faceloom.hashing import sha256_of
from faceloom.json_documents import parse_document
from faceloom.safe_read import MAX_DOCUMENT_BYTES, read_npz
from faceloom.swap.bundle.archive import open_archive, open_zip
from faceloom.swap.bundle.manifest import SCHEMA, FileRow, Manifest

# The file whose presence identifies a folder as a bundle.
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class GoldenSample:
    """Input faces and what the trained model predicts for them."""

    faces: RgbBatch
    """Input crops, [n, size, size, 3]."""
    swapped: RgbBatch
    """Predicted faces, [n, size, size, 3]."""
    masks: MaskBatch
    """Predicted masks, [n, size, size]."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle with a valid manifest.

    `Bundle.read` opens the archive once, checks every file and keeps the bytes, so that a graph is
    read and hashed once. Pickling leaves the bytes out: another process reads and checks the files
    that it needs.
    """

    path: Path
    """The folder or .zip."""
    manifest: Manifest
    """The parsed manifest."""
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """The checked bytes of the files by name, the manifest included; empty if none was read yet."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Bundle, (self.path, self.manifest)

    @classmethod
    def read(cls, path: Path) -> "Bundle":
        """Read and check a bundle.

        Args:
            path: A bundle's folder or its .zip.

        Returns:
            The bundle with the bytes of all its files.

        Raises:
            ArtifactRefused: A file is missing, damaged, changed or not named in the manifest, or
                the manifest has another schema.
        """
        check_kind(path, Purpose.BUNDLE)
        with open_archive(path) as archive:
            content = archive.read(MANIFEST_FILE, MAX_DOCUMENT_BYTES)
            manifest = parse_document(content, path / MANIFEST_FILE, Manifest, SCHEMA, "bundle")
            rows = (*manifest.graphs, manifest.golden)
            _check_all_named(
                path, set(archive.names) - {MANIFEST_FILE, *(row.file for row in rows)}
            )
            contents = {row.file: _verified(path, row, archive.read(row.file)) for row in rows}
        return cls(path, manifest, {MANIFEST_FILE: content, **contents})

    def sha256(self) -> str:
        """Return the manifest's SHA-256, which identifies the bundle: it covers all file hashes.

        Raises:
            ArtifactRefused: The manifest is missing or damaged.
        """
        return sha256_of(self._content(MANIFEST_FILE))

    def read_file(self, row: FileRow) -> bytes:
        """Return the bytes of a file that the manifest names.

        Args:
            row: The file's row in the manifest.

        Raises:
            ArtifactRefused: The file is missing or its SHA-256 differs.
        """
        if row.file in self.contents:
            return self.contents[row.file]
        return _verified(self.path, row, self._content(row.file))

    def read_golden_sample(self) -> GoldenSample:
        """Return the golden sample.

        Raises:
            ArtifactRefused: The file lacks an array, or an array has another shape or type.
        """
        path = self.path / self.manifest.golden.file
        content = self.read_file(self.manifest.golden)
        try:
            with open_zip(path, content) as archive:
                arrays = read_npz(archive, dict.fromkeys(("faces", "swapped", "masks"), "u"))
        except KeyError as error:
            raise ArtifactRefused(
                f"{path} is not a golden sample: {error}; export the bundle again."
            ) from error
        count, size = self.manifest.golden.faces, self.manifest.crop.size
        shapes = {
            "faces": (count, size, size, 3),
            "swapped": (count, size, size, 3),
            "masks": (count, size, size),
        }
        for name, shape in shapes.items():
            if arrays[name].shape != shape or arrays[name].dtype != np.uint8:
                raise ArtifactRefused(
                    f"{path}: {name} is {arrays[name].dtype} {arrays[name].shape} and the manifest "
                    f"requires uint8 {shape}; export the bundle again."
                )
        return GoldenSample(**arrays)

    def _content(self, name: str) -> bytes:
        if name in self.contents:
            return self.contents[name]
        with open_archive(self.path) as archive:
            return archive.read(name)


def _verified(path: Path, row: FileRow, content: bytes) -> bytes:
    """Return a file's bytes if their SHA-256 is the one in the manifest."""
    if sha256_of(content) != row.sha256:
        raise ArtifactRefused(
            f"{path / row.file} is not the file that the manifest names (its SHA-256 differs); "
            "copy or export the bundle again."
        )
    return content


def _check_all_named(path: Path, unnamed: set[str]) -> None:
    """Refuse a file without a checksum: it is not part of the export."""
    for name in sorted(unnamed):
        raise ArtifactRefused(
            f"{path / name} is not named in the bundle's manifest; remove it, or export or "
            "download the bundle again."
        )
