"""Read and write the folder of a face set.

faceset.json      schema, identity, crop geometry, footage
faces.jsonl       one line per face
embeddings.npy    float32 [faces, 192], unit vectors
crops/*.jpg       the faces; deleting one rejects that face
corrections/      moved landmarks and painted masks, see `faceloom.faceset.corrections`

Rows of footage that `faceset.json` does not name are ignored: they belong to an addition that was
killed (see `append`).
"""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from jaxtyping import Float32
from pydantic import ValidationError

from faceloom import __version__
from faceloom.array_types import Affine, Mask, Points, Rgb, float32
from faceloom.artifact_kind import Purpose, check_kind
from faceloom.atomic import atomic_directory, check_output_directory
from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import CropGeometry, apply_affine, compose_affine, crop_face
from faceloom.faces.face_recognition import EMBEDDING_SIZE
from faceloom.faces.mask import mesh_mask
from faceloom.faceset.corrections.correction_files import mask_path
from faceloom.faceset.corrections.moved_landmarks import Corrections, apply_corrections
from faceloom.faceset.corrections.painted_masks import read_mask, warp_mask
from faceloom.faceset.schema import SCHEMA, FaceRecord, FaceRow, FaceSetFile, FootageRow
from faceloom.image_io import read_picture
from faceloom.json_documents import first_validation_error, read_document, to_json
from faceloom.safe_read import check_no_symlinks, read_lines, read_npy

# The file that makes a folder a face set.
FACESET_FILE = "faceset.json"
ROWS_FILE = "faces.jsonl"
EMBEDDINGS_FILE = "embeddings.npy"
# Longest line of a face in bytes; 468 landmarks take about 10,000.
MAX_ROW_BYTES = 200_000
# JPEG with full-resolution chroma, since lips and eyes are small and red.
JPEG_OPTIONS = (
    cv2.IMWRITE_JPEG_QUALITY, 95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaceSet:
    """A face set in memory, without the faces whose crop was deleted.

    Corrections are applied: rows, crops and meshes are those that the corrected landmarks give.
    """

    directory: Path
    """Its folder."""
    identity: str
    """Name of the person."""
    geometry: CropGeometry
    """Geometry of the crops."""
    files: tuple[FootageRow, ...]
    """The footage that the faces come from."""
    rows: tuple[FaceRow, ...]
    """The faces, at least one."""
    corrections: Corrections = field(default_factory=Corrections)
    """What was corrected in the faces."""

    @classmethod
    def read(cls, directory: Path) -> "FaceSet":
        """Read a face set.

        Args:
            directory: Its folder.

        Raises:
            ArtifactRefused: The folder is not a face set, is damaged, has another schema, or has
                no face.
        """
        check_kind(directory, Purpose.FACE_SET)
        file = read_document(directory / FACESET_FILE, FaceSetFile, SCHEMA, "face set")
        check_no_symlinks(directory)
        existing = _existing_rows(directory, len(file.files))
        rows, corrections = apply_corrections(directory, existing, file.crop)
        if not rows:
            raise ArtifactRefused(
                f"{directory} contains no face; extract it again from other footage."
            )
        return cls(directory, file.identity, file.crop, file.files, rows, corrections)

    def __len__(self) -> int:
        return len(self.rows)

    def read_crop(self, row: FaceRow) -> Rgb:
        """Decode a face's crop; one whose alignment was corrected is aligned again.

        Args:
            row: The face.

        Returns:
            The crop, `geometry.size` pixels square.

        Raises:
            ArtifactRefused: The crop has another size.
            MediaUnreadable: The crop is damaged.
        """
        path = self.directory / row.image
        crop, size = read_picture(path), self.geometry.size
        if crop.shape != (size, size, 3):
            raise ArtifactRefused(
                f"{path} does not have {size} x {size} pixels; delete it to reject the face."
            )
        to_crop = self.corrections.realigned.get(row.image)
        return crop if to_crop is None else crop_face(crop, to_crop, size)

    def mesh_in_crop(self, row: FaceRow) -> Points:
        """Return a face's 468 landmarks in pixels of its crop.

        Args:
            row: The face.
        """
        return apply_affine(self._frame_to_crop(row), float32(row.mesh_xy))

    def mask_in_crop(self, row: FaceRow) -> Mask:
        """Draw a face's mesh mask in its crop.

        Args:
            row: The face.
        """
        return mesh_mask(self.mesh_in_crop(row), self.geometry.size, self.geometry.size)

    def painted_mask(self, row: FaceRow, geometry: CropGeometry) -> Mask | None:
        """Return where a person painted a face as visible; None if nobody did.

        Args:
            row: The face.
            geometry: Geometry of the crop to return the mask for.

        Returns:
            0 to 255, `geometry.size` pixels square; not limited to the mesh mask.

        Raises:
            ArtifactRefused: The mask is damaged.
        """
        if row.image not in self.corrections.painted:
            return None
        affine = self.geometry.affine_to(geometry)
        if (to_crop := self.corrections.realigned.get(row.image)) is not None:
            affine = compose_affine(affine, to_crop)
        mask = read_mask(mask_path(self.directory, row.image), self.geometry.size)
        return warp_mask(mask, affine, geometry.size)

    def read_embeddings(self) -> Float32[np.ndarray, "n 192"]:
        """Read the embeddings of `rows`, in their order.

        Raises:
            ArtifactRefused: `embeddings.npy` is damaged.
        """
        path = self.directory / EMBEDDINGS_FILE
        stored, indices = read_npy(path), [row.embedding for row in self.rows]
        if stored.shape[1:] != (EMBEDDING_SIZE,) or max(indices) >= len(stored):
            raise ArtifactRefused(
                f"{path} has shape {stored.shape} instead of {EMBEDDING_SIZE} numbers per face; "
                "extract the face set again."
            )
        return float32(stored[indices])

    def _frame_to_crop(self, row: FaceRow) -> Affine:
        return self.geometry.frame_to_crop(float32(row.points_xy))


class FaceSetWriter:
    """Writes a face set; its folder appears when it is complete.

    Rows are written immediately: one takes 14 kB in memory, and an hour of footage has 90,000
    faces.
    """

    def __init__(self, directory: Path, identity: str, geometry: CropGeometry, rows: TextIO):
        self._directory = directory
        self._identity = identity
        self._geometry = geometry
        self._rows = rows
        self._files: list[FootageRow] = []
        self._embeddings: list[Float32[np.ndarray, "192"]] = []
        (directory / "crops").mkdir()

    @classmethod
    @contextmanager
    def create(
        cls, directory: Path, identity: str, geometry: CropGeometry, *, force: bool
    ) -> Iterator["FaceSetWriter"]:
        """Write a new face set; an error in the block leaves nothing.

        Args:
            directory: Its folder.
            identity: Name of the person.
            geometry: Geometry of the crops.
            force: Whether an existing face set is replaced.

        Yields:
            The writer.

        Raises:
            UsageError: The folder exists and must not be replaced.
        """
        check_output_directory(directory, FACESET_FILE, force=force)
        with atomic_directory(directory) as part:
            with (part / ROWS_FILE).open("w", encoding="utf-8") as rows:
                writer = cls(part, identity, geometry, rows)
                yield writer
            writer._finish()

    def __len__(self) -> int:
        return len(self._embeddings)

    def add_file(self, file: FootageRow) -> None:
        """Record a footage file; call it in the order of the faces' file indices.

        Args:
            file: The file.
        """
        self._files.append(file)

    def add_face(
        self, record: FaceRecord, crop: Path, embedding: Float32[np.ndarray, "192"]
    ) -> None:
        """Add a face.

        Args:
            record: Its measurements.
            crop: Its JPEG file, which is hard-linked where the file system can, else copied.
            embedding: Its embedding.
        """
        place_crop(crop, self._directory / record.image)
        row = FaceRow.model_construct(**dict(record), embedding=len(self._embeddings))
        self._rows.write(row.model_dump_json() + "\n")
        self._embeddings.append(embedding)

    def _finish(self) -> None:
        file = FaceSetFile(
            faceloom_version=__version__,
            identity=self._identity,
            crop=self._geometry,
            files=tuple(self._files),
        )
        (self._directory / FACESET_FILE).write_text(to_json(file), encoding="utf-8")
        empty = np.zeros((0, EMBEDDING_SIZE), np.float32)
        embeddings = np.stack(self._embeddings) if self._embeddings else empty
        write_embeddings(self._directory / EMBEDDINGS_FILE, embeddings)


def write_embeddings(path: Path, embeddings: Float32[np.ndarray, "n 192"]) -> None:
    """Write `embeddings.npy`.

    Args:
        path: The file.
        embeddings: The embeddings.
    """
    # Through memory: NumPy's own error for a full disk has no error number.
    content = io.BytesIO()
    np.save(content, embeddings, allow_pickle=False)
    path.write_bytes(content.getvalue())


def _existing_rows(directory: Path, file_count: int) -> Iterator[FaceRow]:
    """Yield the faces whose crop exists. Each crop may occur once, which bounds the memory."""
    images = set()
    for row in read_rows(directory):
        if row.file >= file_count or not (directory / row.image).is_file():
            continue
        if row.image in images:
            raise ArtifactRefused(
                f"{directory}: {row.image} occurs twice; extract the face set again."
            )
        images.add(row.image)
        yield row


def place_crop(crop: Path, target: Path) -> None:
    """Put a crop into a face set.

    Args:
        crop: The JPEG file, which is hard-linked where the file system can, else copied.
        target: Its new path.
    """
    try:
        target.hardlink_to(crop)
    except OSError:
        shutil.copyfile(crop, target)


def read_rows(directory: Path) -> Iterator[FaceRow]:
    """Read all rows of a face set, those of rejected faces and of a killed addition too.

    Args:
        directory: Its folder.

    Yields:
        The rows in order.

    Raises:
        ArtifactRefused: A row is damaged, or there are none.
    """
    path = directory / ROWS_FILE
    for number, line in enumerate(read_row_lines(directory), 1):
        try:
            yield FaceRow.model_validate_json(line)
        except ValidationError as error:
            raise ArtifactRefused(
                f"{path}, line {number}: {first_validation_error(error)}."
            ) from error


def read_row_lines(directory: Path) -> Iterator[bytes]:
    """Read the lines of a face set's rows without parsing them.

    Args:
        directory: Its folder.

    Yields:
        The lines with their newlines.

    Raises:
        ArtifactRefused: The file is missing, or a line is longer than a row can be.
    """
    try:
        yield from read_lines(directory / ROWS_FILE, MAX_ROW_BYTES)
    except FileNotFoundError:
        raise ArtifactRefused(
            f"{directory} is not a complete face set: it has no {ROWS_FILE}."
        ) from None
