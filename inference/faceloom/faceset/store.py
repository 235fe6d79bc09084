"""Read and write a face set's directory.

faceset.json      schema, identity, crop geometry, sources
faces.jsonl       a row a face
embeddings.npy    float32 [faces, 192], unit vectors
crops/*.jpg       the faces; deleting one rejects that face
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from jaxtyping import Float32
from pydantic import ValidationError

from faceloom import __version__
from faceloom.array_types import Affine, Mask, Points, Rgb, float32
from faceloom.atomic import atomic_directory, check_output_directory
from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry, apply_affine
from faceloom.faces.mask import mesh_mask
from faceloom.faceset.schema import SCHEMA, FaceRow, FaceSetFile, FootageRow
from faceloom.image_io import encode_picture, read_picture
from faceloom.json_documents import first_validation_error, read_document, to_json
from faceloom.safe_read import check_no_symlinks, read_lines, read_npy

_WHAT = "face set"
# The file that makes a folder a face set.
MARKER = "faceset.json"
_ROWS = "faces.jsonl"
# Bytes of a face's line; 468 points take about 10,000.
MAX_ROW_BYTES = 200_000
# Chroma at full resolution: lips and eyes are small and red.
JPEG = (
    cv2.IMWRITE_JPEG_QUALITY, 95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaceSet:
    """A face set as read: only faces whose image is still there."""

    directory: Path
    identity: str
    geometry: CropGeometry
    sources: tuple[FootageRow, ...]
    rows: tuple[FaceRow, ...]

    @classmethod
    def read(cls, directory: Path) -> "FaceSet":
        """Read a face set; raise ArtifactRefused if it is none, damaged, of another schema, or empty."""
        file = read_document(directory / MARKER, FaceSetFile, SCHEMA, _WHAT)
        check_no_symlinks(directory)
        rows = tuple(_rows_of(directory, len(file.sources)))
        if not rows:
            raise ArtifactRefused(
                f"{directory} holds no face; extract it again from other footage."
            )
        return cls(directory, file.identity, file.crop, file.sources, rows)

    def __len__(self) -> int:
        return len(self.rows)

    def read_crop(self, row: FaceRow) -> Rgb:
        """Decode a face's crop, `geometry.size` pixels square."""
        path = self.directory / row.image
        crop, size = read_picture(path), self.geometry.size
        if crop.shape != (size, size, 3):
            raise ArtifactRefused(
                f"{path} is not a picture of {size} x {size} pixels; delete it to reject the face."
            )
        return crop

    def mesh_in_crop(self, row: FaceRow) -> Points:
        """Return a face's 468 landmarks in pixels of its crop."""
        return apply_affine(self._frame_to_crop(row), float32(row.mesh_xy))

    def mask_in_crop(self, row: FaceRow) -> Mask:
        """Draw a face's mask in its crop."""
        return mesh_mask(self.mesh_in_crop(row), self.geometry.size, self.geometry.size)

    def read_embeddings(self) -> Float32[np.ndarray, "n 192"]:
        """Return the identity vectors of `rows`, in their order."""
        path = self.directory / "embeddings.npy"
        stored, rows = read_npy(path), [row.embedding for row in self.rows]
        if stored.shape[1:] != (192,) or max(rows) >= len(stored):
            raise ArtifactRefused(
                f"{path} is {stored.shape} and not 192 numbers a face; extract the face set again."
            )
        return float32(stored[rows])

    def _frame_to_crop(self, row: FaceRow) -> Affine:
        return self.geometry.frame_to_crop(float32(row.points_xy))


class FaceSetWriter:
    """Fills a face set's directory; nothing stands at its final name until it is whole.

    Rows are written as they come: 468 points a face are 50 kB in memory, and an hour of footage has 90,000 faces.
    """

    def __init__(self, directory: Path, identity: str, geometry: CropGeometry, rows: TextIO):
        self._directory = directory
        self._identity = identity
        self._geometry = geometry
        self._rows = rows
        self._sources: list[FootageRow] = []
        self._embeddings: list[Float32[np.ndarray, "192"]] = []
        (directory / "crops").mkdir()

    @classmethod
    @contextmanager
    def create(
        cls, directory: Path, identity: str, geometry: CropGeometry, *, force: bool
    ) -> Iterator["FaceSetWriter"]:
        """Fill a new face set; an error inside leaves nothing. Raises UsageError if it exists already."""
        check_output_directory(directory, MARKER, force=force)
        with atomic_directory(directory) as part:
            with (part / _ROWS).open("w", encoding="utf-8") as rows:
                writer = cls(part, identity, geometry, rows)
                yield writer
            writer._finish()

    def __len__(self) -> int:
        return len(self._embeddings)

    def add_source(self, source: FootageRow) -> None:
        """Record a source whose faces were added under the next source number."""
        self._sources.append(source)

    def adopt(self, row: FaceRow, crop: Path, embedding: Float32[np.ndarray, "192"]) -> None:
        """Take over a crop that lies on disk already; where the disk can, without copying it."""
        target = self._directory / row.image
        try:
            target.hardlink_to(crop)
        except OSError:
            shutil.copyfile(crop, target)
        self._remember(row, embedding)

    def add(self, row: FaceRow, crop: Rgb, embedding: Float32[np.ndarray, "192"]) -> None:
        """Write a face's crop and remember its row."""
        (self._directory / row.image).write_bytes(encode_picture(crop, ".jpg", JPEG))
        self._remember(row, embedding)

    def _remember(self, row: FaceRow, embedding: Float32[np.ndarray, "192"]) -> None:
        self._rows.write(
            row.model_copy(update={"embedding": len(self._embeddings)}).model_dump_json() + "\n"
        )
        self._embeddings.append(embedding)

    def _finish(self) -> None:
        file = FaceSetFile(
            faceloom=__version__,
            identity=self._identity,
            crop=self._geometry,
            sources=tuple(self._sources),
        )
        (self._directory / MARKER).write_text(to_json(file), encoding="utf-8")
        embeddings = (
            np.stack(self._embeddings) if self._embeddings else np.zeros((0, 192), np.float32)
        )
        np.save(self._directory / "embeddings.npy", embeddings, allow_pickle=False)


def _rows_of(directory: Path, sources: int) -> Iterator[FaceRow]:
    """Yield the faces whose picture is there, each picture once: what is held is no more than what lies on the disk."""
    seen = set()
    for row in _read_rows(directory):
        if not (directory / row.image).is_file():
            continue
        if row.image in seen or row.source >= sources:
            raise ArtifactRefused(
                f"{directory}: {row.image} is there twice or of an unknown source; extract it again."
            )
        seen.add(row.image)
        yield row


def _read_rows(directory: Path) -> Iterator[FaceRow]:
    path = directory / _ROWS
    try:
        for number, line in enumerate(read_lines(path, MAX_ROW_BYTES), 1):
            try:
                yield FaceRow.model_validate_json(line)
            except ValidationError as error:
                raise ArtifactRefused(
                    f"{path}, line {number}: {first_validation_error(error)}."
                ) from error
    except FileNotFoundError:
        raise ArtifactRefused(f"{directory} is no whole face set: it has no {_ROWS}.") from None
