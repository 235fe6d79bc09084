"""The table of a face set's faces: what the grid sorts and filters by."""

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64

from faceloom.array_types import float32
from faceloom.artifact_kind import Purpose, check_kind
from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_recognition import EMBEDDING_SIZE, SAME_PERSON_SIMILARITY
from faceloom.faceset.corrections.correction_files import CORRECTIONS_FOLDER, corrected_stems
from faceloom.faceset.curate import has_dropped_faces
from faceloom.faceset.schema import SCHEMA, FaceSetFile
from faceloom.faceset.similarity import FaceLooks, near_duplicate_groups, similarities
from faceloom.faceset.store import EMBEDDINGS_FILE, FACESET_FILE, ROWS_FILE
from faceloom.hashing import sha256_of
from faceloom.json_documents import read_document
from faceloom.project.step import file_signature
from faceloom.safe_read import check_no_symlinks, read_npy
from faceloom.studio.faces.crop_files import crop_names
from faceloom.studio.faces.face_rows import read_face_rows
from faceloom.studio.lru_cache import LruCache

# Face sets whose table is kept in memory; a table of 20,000 faces takes 20 MB with embeddings.
_KEPT_TABLES = 4
# Hexadecimal digits of a version.
_VERSION_DIGITS = 12


@dataclass(frozen=True, slots=True)
class SortOrder:
    """An order of the grid; equal faces keep the order of the footage."""

    name: str
    """Its name in the page's templates."""
    columns: tuple[str, ...]
    """Keys of `FaceGrid.columns`, compared one after the other, the smallest value first."""


SORT_ORDERS = (
    SortOrder("frame", ("file", "frame")),
    SortOrder("sharpness", ("sharpness",)),
    SortOrder("yaw", ("yaw",)),
    SortOrder("pitch", ("pitch",)),
    SortOrder("likeness", ("similarity",)),
    SortOrder("brightness", ("brightness",)),
    SortOrder("size", ("size",)),
    SortOrder("group", ("group", "sharpness")),
)
"""The orders that the grid offers, the first one by default."""


@dataclass(frozen=True, slots=True)
class FaceGrid:
    """The n faces of a face set that have a crop."""

    directory: Path
    """The face set."""
    identity: str
    """Name of the person."""
    geometry: CropGeometry
    """Geometry of the crops."""
    files: tuple[str, ...]
    """Names of the footage files."""
    rows: np.ndarray
    """Structured array of ROW_TYPE, [n]."""
    similarity: Float32[np.ndarray, "n"]
    """Cosine of each face's embedding to the face set's center."""
    group: Int64[np.ndarray, "n"]
    """Index of the sharpest face of each face's group of near-duplicates; its own if it is."""
    corrected: Bool[np.ndarray, "n"]
    """Whether the landmarks or the mask of each face were corrected."""
    can_undo: bool
    """Whether faces of the face set are dropped that can be restored."""
    version: str
    """A checksum that changes with the rows, after which a name may mean another face."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def duplicate(self) -> Bool[np.ndarray, "n"]:
        """Which faces are near-duplicates of a sharper one."""
        return np.asarray(self.group != np.arange(len(self)), bool)

    def names(self) -> list[str]:
        """Return the name of each face, see `crop_name`."""
        return [name.decode() for name in self.rows["name"].tolist()]

    def columns(self) -> dict[str, list[float]]:
        """Return the numbers of each face, rounded to what a person can tell apart."""
        rows, yaw_pitch = self.rows, self.rows["pose"].astype(np.float64)
        return {
            "file": rows["file"].tolist(),
            "frame": rows["frame"].tolist(),
            "track": rows["track"].tolist(),
            "seconds": _rounded(rows["seconds"], 2),
            "sharpness": _rounded(rows["sharpness"], 3),
            "yaw": _rounded(yaw_pitch[:, 0], 1),
            "pitch": _rounded(yaw_pitch[:, 1], 1),
            "size": np.rint(rows["size"]).astype(np.int64).tolist(),
            "brightness": _rounded(rows["exposure"], 3),
            "similarity": _rounded(self.similarity, 3),
            "group": self.group.tolist(),
            "corrected": self.corrected.tolist(),
        }

    def to_json(self) -> bytes:
        """Return the table as compact JSON for the page: names and columns."""
        table = {
            "identity": self.identity,
            "files": self.files,
            "version": self.version,
            "same_person": SAME_PERSON_SIMILARITY,
            "can_undo": self.can_undo,
            "names": self.names(),
            "columns": self.columns(),
        }
        return json.dumps(table, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class _StoredFaces:
    """The files of a face set, rejected faces included."""

    signatures: tuple[str, ...]
    """Of the files that were read."""
    identity: str
    """Name of the person."""
    geometry: CropGeometry
    """Geometry of the crops."""
    files: tuple[str, ...]
    """Names of the footage files."""
    rows: np.ndarray
    """Structured array of ROW_TYPE."""
    embeddings: Float32[np.ndarray, "n 192"]
    """Of the rows, unit vectors."""


@dataclass(frozen=True, slots=True)
class _KeptTable:
    """A table with what it was made from."""

    stored: _StoredFaces
    """The files."""
    folders: tuple[str, ...]
    """Signatures of the folders of kept and dropped crops, and of corrections."""
    grid: FaceGrid
    """The table."""
    content: bytes
    """Its JSON."""


class FaceGrids:
    """The tables of the face sets that were looked at last. Thread-safe.

    A table is kept while the face set's files and folders are unchanged. Crops that come or go
    need no row to be read again.
    """

    def __init__(self) -> None:
        # One table is built at a time.
        self._lock = threading.Lock()
        self._tables: LruCache[_KeptTable] = LruCache(_KEPT_TABLES)

    def get(self, directory: Path) -> FaceGrid:
        """Return the table of a face set.

        Args:
            directory: The face set.

        Raises:
            ArtifactRefused: It is not a face set, or is damaged.
        """
        return self._table(directory).grid

    def get_json(self, directory: Path) -> bytes:
        """Return the table of a face set as JSON, see `FaceGrid.to_json`.

        Args:
            directory: The face set.

        Raises:
            ArtifactRefused: It is not a face set, or is damaged.
        """
        return self._table(directory).content

    def _table(self, directory: Path) -> _KeptTable:
        with self._lock:
            table = _update(directory, self._tables.get(directory))
            self._tables.put(directory, table)
            return table


def _update(directory: Path, kept: _KeptTable | None) -> _KeptTable:
    """Return the table of the face set as it is, reading only what has changed."""
    # Taken before reading: a change meanwhile is found by the next call.
    signatures = _signatures(directory, (FACESET_FILE, ROWS_FILE, EMBEDDINGS_FILE))
    folders = _signatures(directory, ("crops", "dropped", CORRECTIONS_FOLDER))
    if kept and (kept.stored.signatures, kept.folders) == (signatures, folders):
        return kept
    check_kind(directory, Purpose.FACE_SET)
    unchanged = kept is not None and kept.stored.signatures == signatures
    stored = kept.stored if kept and unchanged else _read(directory, signatures)
    grid = _build(directory, stored)
    return _KeptTable(stored, folders, grid, grid.to_json())


def _read(directory: Path, signatures: tuple[str, ...]) -> _StoredFaces:
    file = read_document(directory / FACESET_FILE, FaceSetFile, SCHEMA, "face set")
    check_no_symlinks(directory)
    rows = read_face_rows(directory)
    # Rows of other files belong to an addition that was killed.
    rows = rows[rows["file"] < len(file.files)]
    path = directory / EMBEDDINGS_FILE
    embeddings = read_npy(path)
    largest = rows["embedding"].max(initial=-1)
    if embeddings.shape[1:] != (EMBEDDING_SIZE,) or largest >= len(embeddings):
        raise ArtifactRefused(
            f"{path} has shape {embeddings.shape} instead of {EMBEDDING_SIZE} numbers per face; "
            "extract the face set again."
        )
    names = tuple(footage.name for footage in file.files)
    return _StoredFaces(
        signatures, file.identity, file.crop, names, rows, float32(embeddings[rows["embedding"]])
    )


def _build(directory: Path, stored: _StoredFaces) -> FaceGrid:
    exists = np.isin(stored.rows["name"], np.array(crop_names(directory), "S100"))
    rows, embeddings = stored.rows[exists], stored.embeddings[exists]
    if len(np.unique(rows["name"])) < len(rows):
        raise ArtifactRefused(f"{directory}: a crop occurs twice; extract the face set again.")
    looks = FaceLooks(rows["hash"], rows["pose"], rows["openings"], rows["sharpness"])
    return FaceGrid(
        directory,
        stored.identity,
        stored.geometry,
        stored.files,
        rows,
        similarities(embeddings) if len(rows) else float32([]),
        near_duplicate_groups(looks),
        _corrected(directory, rows["name"]),
        has_dropped_faces(directory),
        sha256_of("".join(stored.signatures).encode())[:_VERSION_DIGITS],
    )


def _corrected(directory: Path, names: np.ndarray) -> Bool[np.ndarray, "n"]:
    moved, painted = corrected_stems(directory)
    stems = np.array([os.fsencode(stem) for stem in moved | painted], "S100")
    return np.isin(names, stems)


def _signatures(directory: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(file_signature(directory / name) for name in names)


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    rounded: list[float] = np.round(values.astype(np.float64), digits).tolist()
    return rounded
