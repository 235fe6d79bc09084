"""A bundle: the directory that ships a trained face. Nothing of it runs before all of it is checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceloom.arrays import MaskBatch, RgbBatch
from faceloom.digest import sha256_of_file
from faceloom.documents import read_document
from faceloom.errors import ArtefactRefused
from faceloom.swap.manifest import SCHEMA, FileRow, Manifest

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

    directory: Path
    manifest: Manifest

    @classmethod
    def read(cls, directory: Path) -> "Bundle":
        """Read and check a bundle; raise ArtefactRefused if anything is missing, changed or newer."""
        if directory.is_file():
            raise ArtefactRefused(f"{directory} is a file and a bundle is a folder; unpack it first.")
        if not directory.is_dir():
            raise ArtefactRefused(f"{directory} is no bundle: there is no such folder; check the path.")
        manifest = read_document(directory / MARKER, Manifest, SCHEMA, "bundle")
        rows = (*manifest.graphs, manifest.golden)
        _refuse_unnamed_files(directory, {MARKER, *(row.file for row in rows)})
        for row in rows:
            _check_file(directory, row)
        return cls(directory, manifest)

    def read_golden(self) -> Golden:
        """Return the golden sample."""
        path = self.directory / self.manifest.golden.file
        try:
            with np.load(path, allow_pickle=False) as stored:
                return Golden(stored["faces"], stored["swapped"], stored["masks"])
        except (OSError, ValueError, KeyError) as error:
            raise ArtefactRefused(f"{path} is no golden sample ({error}); export the bundle again.") from error


def _refuse_unnamed_files(directory: Path, named: set[str]) -> None:
    """Refuse a file without a checksum: a graph could draw its weights from it."""
    for path in directory.iterdir():
        if path.name not in named:
            raise ArtefactRefused(f"{path} is not named in the bundle's manifest; remove it, or take the bundle anew.")


def _check_file(directory: Path, row: FileRow) -> None:
    path = directory / row.file
    if not path.is_file():
        raise ArtefactRefused(f"The bundle {directory} lacks {row.file}; copy or export it again.")
    if sha256_of_file(path) != row.sha256:
        raise ArtefactRefused(
            f"{path} is not the file that the manifest names (its SHA-256 differs); copy or export the bundle again."
        )
