"""A bundle: the folder or .zip that ships a trained face. Nothing of it runs before all of it is checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceloom.array_types import MaskBatch, RgbBatch
from faceloom.errors import ArtifactRefused
from faceloom.hashing import sha256_of
from faceloom.json_documents import parse_document
from faceloom.safe_read import MOST_OF_A_DOCUMENT, read_npz
from faceloom.swap.bundle.archive import list_files, opened_zip, read_file
from faceloom.swap.bundle.manifest import SCHEMA, FileRow, Manifest

# The file that makes a folder a bundle.
MARKER = "manifest.json"


@dataclass(frozen=True, slots=True)
class Golden:
    """Inputs and the outputs that the trained model gave for them, before it was exported."""

    faces: RgbBatch
    swapped: RgbBatch
    masks: MaskBatch


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose manifest is valid and whose files are the ones it names."""

    path: Path
    manifest: Manifest

    @classmethod
    def read(cls, path: Path) -> "Bundle":
        """Read and check a bundle, folder or .zip; raise ArtifactRefused if anything is missing, changed or newer."""
        names = list_files(path)
        content = read_file(path, MARKER, MOST_OF_A_DOCUMENT)
        manifest = parse_document(content, path / MARKER, Manifest, SCHEMA, "bundle")
        rows = (*manifest.graphs, manifest.golden)
        _refuse_unnamed_files(path, set(names) - {MARKER, *(row.file for row in rows)})
        bundle = cls(path, manifest)
        for row in rows:
            bundle.read_file(row)
        return bundle

    def sha256(self) -> str:
        """Return what no other bundle has: the checksum of the manifest, which holds those of the files."""
        return sha256_of(read_file(self.path, MARKER))

    def read_file(self, row: FileRow) -> bytes:
        """Return the bytes of a file that the manifest names; raise ArtifactRefused if they are others."""
        content = read_file(self.path, row.file)
        if sha256_of(content) != row.sha256:
            raise ArtifactRefused(
                f"{self.path / row.file} is not the file that the manifest names (its SHA-256 differs); "
                "copy or export the bundle again."
            )
        return content

    def read_golden(self) -> Golden:
        """Return the golden sample."""
        path = self.path / self.manifest.golden.file
        content = self.read_file(self.manifest.golden)
        try:
            with opened_zip(content, path) as archive:
                stored = read_npz(archive, dict.fromkeys(("faces", "swapped", "masks"), "u"))
        except KeyError as error:
            raise ArtifactRefused(
                f"{path} is no golden sample ({error}); export the bundle again."
            ) from error
        count, size = self.manifest.golden.faces, self.manifest.crop.size
        shapes = {
            "faces": (count, size, size, 3),
            "swapped": (count, size, size, 3),
            "masks": (count, size, size),
        }
        for name, shape in shapes.items():
            if stored[name].shape != shape or stored[name].dtype != np.uint8:
                raise ArtifactRefused(
                    f"{path}: its {name} are {stored[name].shape} and the manifest says {shape}."
                )
        return Golden(**stored)


def _refuse_unnamed_files(path: Path, unnamed: set[str]) -> None:
    """Refuse a file without a checksum: it is not what was exported."""
    for name in sorted(unnamed):
        raise ArtifactRefused(
            f"{path / name} is not named in the bundle's manifest; remove it, or take the bundle anew."
        )
