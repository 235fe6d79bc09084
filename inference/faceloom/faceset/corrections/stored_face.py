"""One face of a face set with its correction, as a person edits it: in its stored crop."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Affine, Mask, Points, float32
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import (
    IDENTITY_AFFINE,
    CropGeometry,
    apply_affine,
    compose_affine,
    invert_affine,
)
from faceloom.faceset.corrections.correction_files import LandmarkCorrection, landmarks_path
from faceloom.faceset.corrections.moved_landmarks import (
    move_landmarks,
    points_coincide,
    read_corrected_row,
)
from faceloom.faceset.corrections.painted_masks import warp_mask
from faceloom.faceset.corrections.row_index import RowIndex
from faceloom.faceset.schema import FaceRow


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
    def read(cls, rows: RowIndex, image: str) -> "StoredFace":
        """Read a face without reading the whole face set.

        Args:
            rows: The rows of the face set.
            image: Path of the crop in the face set.

        Raises:
            UsageError: The face set has no such face.
            ArtifactRefused: Its row or its correction is damaged, or the alignment points of the
                row coincide.
        """
        face = cls.read_detected(rows, image)
        if not landmarks_path(rows.directory, image).is_file():
            return face
        correction, *_ = read_corrected_row(rows.directory, face.row, face.geometry)
        return replace(face, correction=correction)

    @classmethod
    def read_detected(cls, rows: RowIndex, image: str) -> "StoredFace":
        """Read a face without its correction.

        Args:
            rows: The rows of the face set.
            image: Path of the crop in the face set.

        Raises:
            UsageError: The face set has no such face.
            ArtifactRefused: Its row is damaged, or the alignment points of the row coincide.
        """
        row = rows.read(image)
        if points_coincide(float32(row.points_xy)):
            raise ArtifactRefused(
                f"{rows.directory}: the alignment points of {image} coincide; delete the crop to "
                "reject the face."
            )
        return cls(row, None, rows.file.crop)

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
            ArtifactRefused: The corrected face is too small or too large; the message has no
                subject.
        """
        if self.correction is None:
            return IDENTITY_AFFINE
        _, to_crop = move_landmarks(self.row, self.offsets(), self.geometry)
        return IDENTITY_AFFINE if to_crop is None else to_crop

    def corrected(self, correction: LandmarkCorrection | None) -> "StoredFace":
        """Return the face with another correction.

        Args:
            correction: The correction; None removes it.

        Raises:
            UsageError: It moves landmarks too far.
        """
        face = replace(self, correction=correction)
        try:
            face.realignment()
        except ArtifactRefused as error:
            raise UsageError(f"The correction of {self.row.image} {error}; move them less.") from (
                error
            )
        return face

    def landmarks_like(self, other: "StoredFace") -> LandmarkCorrection:
        """Return the correction that gives this face the landmarks of another one.

        Within a track, landmarks keep their place in the frame, so that a wrong detection of this
        face has no effect; otherwise they keep their place in the aligned crop.

        Args:
            other: Another face of the face set.
        """
        mesh = apply_affine(self._map_from(other), other.mesh())
        offsets = (mesh - self.detected_mesh()) / self.geometry.size
        return LandmarkCorrection.of(float32(offsets), "copied")

    def mask_like(self, other: "StoredFace", mask: Mask) -> Mask:
        """Return the mask of another face, moved in the same way as by `landmarks_like`.

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
