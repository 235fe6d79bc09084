"""Add faces to an existing face set, so that a kill at any moment leaves the old set whole.

Crops, rows and embeddings are written first, each file atomically. `faceset.json` is replaced last:
readers ignore rows of footage that it does not name, so that is when the faces are added.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from faceloom import __version__
from faceloom.array_types import float32
from faceloom.atomic import atomic_file, write_text
from faceloom.errors import ArtifactRefused
from faceloom.faceset.schema import FaceRecord, FaceRow, FaceSetFile, FootageRow
from faceloom.faceset.store import (
    EMBEDDINGS_FILE,
    FACESET_FILE,
    ROWS_FILE,
    FaceSet,
    place_crop,
    read_rows,
    write_embeddings,
)
from faceloom.json_documents import to_json
from faceloom.operating_system import flush_to_disk
from faceloom.safe_read import read_npy


class AddedFace(NamedTuple):
    """A face to add."""

    record: FaceRecord
    """Its measurements; `file` counts on from the face set's footage."""
    crop: Path
    """Its JPEG file."""
    embedding: Float32[np.ndarray, "192"]
    """Its embedding."""


def append_faces(faces: FaceSet, added: Iterable[AddedFace], footage: Sequence[FootageRow]) -> None:
    """Add faces and their footage to a face set. Rejected faces stay rejected.

    Args:
        faces: The face set, as it was read while its lock was held.
        added: The faces; they are not kept in memory.
        footage: The files that they come from.

    Raises:
        ArtifactRefused: The face set is damaged.
        UsageError: A file cannot be written.
        PartlyDone: The disk is full.
    """
    directory = faces.directory
    embeddings = list(_used_embeddings(faces))
    with atomic_file(directory / ROWS_FILE) as part, part.open("w", encoding="utf-8") as rows:
        for row in _committed_rows(faces):
            rows.write(row.model_dump_json() + "\n")
        for face in added:
            _replace_crop(face.crop, directory / face.record.image)
            row = FaceRow.model_construct(**dict(face.record), embedding=len(embeddings))
            rows.write(row.model_dump_json() + "\n")
            embeddings.append(face.embedding)
        flush_to_disk(directory / "crops")
    with atomic_file(directory / EMBEDDINGS_FILE) as part:
        write_embeddings(part, np.stack(embeddings))
    document = FaceSetFile(
        faceloom_version=__version__,
        identity=faces.identity,
        crop=faces.geometry,
        files=(*faces.files, *footage),
    )
    write_text(directory / FACESET_FILE, to_json(document))


def _replace_crop(crop: Path, target: Path) -> None:
    """Put a crop into the set; an addition that was killed may have left one there."""
    target.unlink(missing_ok=True)
    place_crop(crop, target)
    flush_to_disk(target)


def _committed_rows(faces: FaceSet) -> Iterator[FaceRow]:
    """Yield the rows of the set, those of rejected faces too, which can be restored."""
    return (row for row in read_rows(faces.directory) if row.file < len(faces.files))


def _used_embeddings(faces: FaceSet) -> Float32[np.ndarray, "n 192"]:
    """Return the embeddings that rows of the set refer to, without those of a killed addition."""
    count = 1 + max((row.embedding for row in _committed_rows(faces)), default=-1)
    path = faces.directory / EMBEDDINGS_FILE
    stored = read_npy(path)
    if count > len(stored):
        raise ArtifactRefused(
            f"{path} has {len(stored)} rows and {count} are needed; extract the face set again."
        )
    return float32(stored[:count])
