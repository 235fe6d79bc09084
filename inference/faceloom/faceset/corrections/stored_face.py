"""One face of a face set with its correction, as a person edits it: in its stored crop."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from pydantic import ValidationError

from faceloom.array_types import Affine, Mask, Points, float32
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import (
    IDENTITY_AFFINE,
    CropGeometry,
    apply_affine,
    compose_affine,
    invert_affine,
)
from faceloom.faceset.corrections.correction_files import (
    DELETE_IT,
    LandmarkCorrection,
    landmarks_path,
    read_landmark_correction,
)
from faceloom.faceset.corrections.moved_landmarks import move_landmarks
from faceloom.faceset.corrections.painted_masks import warp_mask
from faceloom.faceset.schema import FaceRow, FaceSetFile
from faceloom.faceset.store import MAX_ROW_BYTES, ROWS_FILE
from faceloom.json_documents import first_validation_error
from faceloom.safe_read import read_lines


@dataclass(frozen=True, slots=True)
class StoredFace:
    """A face of a face set. Landmarks and masks are in pixels of its stored crop."""

    row: FaceRow
    """Its row as extraction wrote it."""
    correction: LandmarkCorrection | None
    """How its landmarks were moved; None if they were not."""
    geometry: CropGeometry
    """Geometry of the stored crop."""

    @classmethod
    def read(cls, directory: Path, image: str, file: FaceSetFile) -> "StoredFace":
        """Read a face without reading the whole face set.

        Args:
            directory: The face set.
            image: Path of the crop in the face set.
            file: The face set's `faceset.json`.

        Raises:
            UsageError: The face set has no such face.
            ArtifactRefused: Its row or its correction is damaged.
        """
        row = _find_row(directory, image, len(file.files))
        path = landmarks_path(directory, image)
        correction = read_landmark_correction(path) if path.is_file() else None
        face = cls(row, correction, file.crop)
        try:
            face.realignment()
        except ArtifactRefused as error:
            raise ArtifactRefused(f"{path} {error}; {DELETE_IT}.") from error
        return face

    def detected_mesh(self) -> Points:
        """Return the 468 landmarks that the network found."""
        return apply_affine(self._frame_to_crop(), float32(self.row.mesh_xy))

    def offsets(self) -> Float32[np.ndarray, "468 2"]:
        """Return how far each landmark is moved, in sides of the crop."""
        zeros = np.zeros((len(self.row.mesh_xy), 2), np.float32)
        return zeros if self.correction is None else self.correction.to_array()

    def mesh(self) -> Points:
        """Return the 468 landmarks, corrected."""
        return float32(self.detected_mesh() + self.offsets() * self.geometry.size)

    def realignment(self) -> Affine:
        """Return the map from the stored crop to the one that the corrected landmarks align.

        Raises:
            ArtifactRefused: The corrected face has another size; the message has no subject.
        """
        if self.correction is None:
            return IDENTITY_AFFINE
        _, to_crop = move_landmarks(self.row, self.offsets(), self.geometry)
        return IDENTITY_AFFINE if to_crop is None else to_crop

    def corrected(self, correction: LandmarkCorrection) -> "StoredFace":
        """Return the face with another correction.

        Args:
            correction: The correction.

        Raises:
            UsageError: It moves landmarks too far.
        """
        face = StoredFace(self.row, correction, self.geometry)
        try:
            face.realignment()
        except ArtifactRefused as error:
            raise UsageError(f"The correction of {self.row.image} {error}; move them less.") from (
                error
            )
        return face

    def landmarks_like(self, other: "StoredFace") -> LandmarkCorrection:
        """Return the correction that gives this face the landmarks of another one.

        Within a track they are copied at their place in the frame, which a wrong detection of this
        face does not disturb; else at their place in the aligned crop.

        Args:
            other: Another face of the face set.
        """
        mesh = apply_affine(self._map_from(other), other.mesh())
        offsets = (mesh - self.detected_mesh()) / self.geometry.size
        return LandmarkCorrection.of(float32(offsets), "copied")

    def mask_like(self, other: "StoredFace", mask: Mask) -> Mask:
        """Return the mask of another face at the place where `landmarks_like` puts landmarks.

        Args:
            other: Another face of the face set.
            mask: Its mask.
        """
        return warp_mask(mask, self._map_from(other), self.geometry.size)

    def _map_from(self, other: "StoredFace") -> Affine:
        mine, others = self.row, other.row
        if (mine.file, mine.track) != (others.file, others.track):
            return IDENTITY_AFFINE
        return compose_affine(self._frame_to_crop(), invert_affine(other._frame_to_crop()))

    def _frame_to_crop(self) -> Affine:
        return self.geometry.frame_to_crop(float32(self.row.points_xy))


def _find_row(directory: Path, image: str, file_count: int) -> FaceRow:
    path, key = directory / ROWS_FILE, f'"{image}"'.encode()
    for number, line in enumerate(read_lines(path, MAX_ROW_BYTES), 1):
        if key not in line:
            continue
        try:
            row = FaceRow.model_validate_json(line)
        except ValidationError as error:
            raise ArtifactRefused(
                f"{path}, line {number}: {first_validation_error(error)}."
            ) from error
        if row.image == image and row.file < file_count:
            return row
    raise UsageError(f"{directory} has no face {image!r}; load the page again.")
