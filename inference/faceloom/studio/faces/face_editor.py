"""Correct single faces of a face set: read, change, copy, interpolate, undo."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np

from faceloom.array_types import Mask, Points
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.faces.alignment import CropGeometry, compose_affine, crop_face, invert_affine
from faceloom.faces.face_crop import align_mesh
from faceloom.faces.mask import mesh_outline
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.regions import PARSING_SIDE, VISIBLE_REGIONS, region_mask, steepened
from faceloom.faceset.corrections.correction_files import (
    CORRECTIONS_FOLDER,
    LandmarkCorrection,
    LandmarkOffset,
    corrected_stems,
    landmarks_path,
    mask_path,
    read_landmark_correction,
)
from faceloom.faceset.corrections.edit_history import EditHistory
from faceloom.faceset.corrections.interpolation import (
    TrackedFace,
    faces_around,
    interpolate_corrections,
)
from faceloom.faceset.corrections.painted_masks import decode_mask, encode_mask, read_mask
from faceloom.faceset.corrections.row_index import RowIndex
from faceloom.faceset.corrections.stored_face import StoredFace
from faceloom.faceset.store import FACESET_FILE, ROWS_FILE
from faceloom.image_io import read_picture
from faceloom.project.step import file_signature
from faceloom.safe_read import check_not_symlink
from faceloom.studio.faces.crop_files import crop_path
from faceloom.studio.faces.face_grid import FaceGrid
from faceloom.studio.lru_cache import LruCache
from faceloom.studio.studio_project import item_id

# Face sets whose edits stay in memory.
_KEPT_HISTORIES = 16
# Face sets whose row indices are kept; those of 20,000 faces take 4 MB.
_KEPT_INDICES = 4
# Coverage at which a face is parsed, as the presets train at about it.
_PARSED_COVERAGE = 1.0

Part: TypeAlias = Literal["landmarks", "mask"]
"""What a correction changes in a face."""


class FaceEditor:
    """Corrects faces of face sets. Thread-safe."""

    def __init__(self, store: Path):
        """Open no face set yet.

        Args:
            store: Folder for the edits of all face sets, which may not exist.
        """
        self._store = store
        self._histories: LruCache[EditHistory] = LruCache(_KEPT_HISTORIES)
        self._indices: LruCache[RowIndex] = LruCache(_KEPT_INDICES)
        self._parser: FaceParser | None = None
        self._lock = threading.Lock()

    def edit(self, directory: Path, name: str) -> "FaceEdit":
        """Open a face.

        Args:
            directory: The face set.
            name: Name of the face.

        Raises:
            UsageError: The face set has no such face.
            ArtifactRefused: The face set, or the face's correction, is damaged.
        """
        crop = crop_path(directory, name)
        image = f"crops/{crop.name}"
        folder = directory / CORRECTIONS_FOLDER
        for path in (folder, landmarks_path(directory, image), mask_path(directory, image)):
            check_not_symlink(path, directory)
        return FaceEdit(self, directory, crop, StoredFace.read(self._rows(directory), image))

    def history(self, directory: Path) -> EditHistory:
        """Return the edits of a face set.

        Args:
            directory: The face set.
        """
        store = self._store / item_id(directory)
        with self._lock:
            return self._histories.get_or_make(directory, lambda: EditHistory(directory, store))

    def parser(self) -> FaceParser:
        """Return the face parsing network; the first call loads it."""
        with self._lock:
            self._parser = self._parser or FaceParser()
            return self._parser

    def interpolate(
        self, grid: FaceGrid, names: Sequence[str], around: str | None = None
    ) -> tuple[str, ...]:
        """Interpolate corrections of landmarks between corrected faces of the same track.

        Args:
            grid: The table of the face set.
            names: Names of the faces to consider.
            around: Name of a face: only faces between the corrected ones before and after it are
                interpolated. None: between all corrected faces.

        Returns:
            The names of the faces whose landmarks were interpolated.

        Raises:
            UsageError: No face lies between two corrected ones, or an interpolated face has its
                eyes, nose and mouth too close together or too far apart.
            ArtifactRefused: A correction or a row is damaged.
        """
        directory, chosen = grid.directory, {name.encode() for name in names}
        rows = [row for row in grid.rows if row["name"] in chosen]
        faces = [
            TrackedFace(
                row["name"].decode(), int(row["file"]), int(row["track"]), int(row["frame"])
            )
            for row in rows
        ]
        moved, _ = corrected_stems(directory)
        known = {
            face.image: read_landmark_correction(landmarks_path(directory, face.image))
            for face in faces
            if face.image in moved
        }
        if around is not None:
            faces = faces_around(faces, known, around)
        found = interpolate_corrections(faces, known)
        if not found:
            raise UsageError(
                "No face lies between two corrected faces of its track; correct the landmarks of "
                "the first and the last one."
            )
        index = self._rows(directory)
        for name, each in found.items():
            # Refuses landmarks that no face can have, before the first one is written.
            StoredFace.read_detected(index, f"crops/{name}.jpg").corrected(each)
        self.history(directory).write(
            {
                landmarks_path(directory, name): each.to_bytes() if each.offsets else None
                for name, each in found.items()
            }
        )
        return tuple(found)

    def _rows(self, directory: Path) -> RowIndex:
        """Return the rows of a face set, read again if its files have changed."""
        signatures = (file_signature(directory / name) for name in (FACESET_FILE, ROWS_FILE))
        return self._indices.get_or_make((directory, *signatures), lambda: RowIndex.open(directory))


@dataclass(frozen=True, slots=True)
class FaceEdit:
    """One face of a face set. Each change returns the changed face."""

    editor: FaceEditor
    """The editor that opened it."""
    directory: Path
    """The face set."""
    crop: Path
    """Its crop."""
    face: StoredFace
    """The face."""

    def to_json(self) -> dict[str, object]:
        """Return the landmarks, the outline and the corrections as the page reads them."""
        face, history = self.face, self.editor.history(self.directory)
        correction = face.correction
        return {
            "size": face.geometry.size,
            "detected": _rounded(face.detected_mesh()),
            "offsets": correction.offsets if correction else (),
            "origin": correction.origin if correction else "",
            "outline": _rounded(mesh_outline(face.mesh())),
            "painted": self._mask_path.is_file(),
            "can_undo": history.can_undo,
            "can_redo": history.can_redo,
        }

    def mask(self) -> Mask:
        """Return the painted mask, else the mask of the face parsing network; as large as the crop.

        Raises:
            ArtifactRefused: The painted mask or the crop is damaged.
        """
        size = self.face.geometry.size
        return (
            read_mask(self._mask_path, size) if self._mask_path.is_file() else self._parsed_mask()
        )

    def move(self, offsets: Sequence[LandmarkOffset]) -> "FaceEdit":
        """Set how far landmarks are moved.

        Args:
            offsets: The moved landmarks, each once. Without any, the detected landmarks count as
                a correction, so that interpolation can start from them.

        Returns:
            The face with this correction.

        Raises:
            UsageError: They are moved too far, or the face set cannot be written.
        """
        if len({index for index, _, _ in offsets}) < len(offsets):
            raise UsageError("A landmark occurs twice in the request.")
        correction = LandmarkCorrection(origin="edited", offsets=tuple(offsets))
        return self._write_landmarks(LandmarkCorrection.of(correction.to_array(), "edited"))

    def paint(self, data: bytes) -> "FaceEdit":
        """Set the mask.

        Args:
            data: A PNG as large as the crop; 255 where the face is visible.

        Returns:
            The face with this mask.

        Raises:
            UsageError: It is no such picture, or the face set cannot be written.
        """
        size = self.face.geometry.size
        try:
            mask = decode_mask(data, Path("the painted mask"), size)
        except ArtifactRefused as error:
            raise UsageError(
                f"The painted mask is not a PNG of {size} x {size} pixels; load the page again."
            ) from error
        return self._write_mask(encode_mask(mask))

    def reset(self, part: Part) -> "FaceEdit":
        """Remove a correction.

        Args:
            part: What the network decides again.

        Returns:
            The face without the correction.

        Raises:
            UsageError: The face set cannot be written.
        """
        if part == "landmarks":
            return self._write_landmarks(None)
        return self._write_mask(None)

    def copy_from(self, other: "FaceEdit", part: Part) -> "FaceEdit":
        """Copy the landmarks or the mask of another face.

        Args:
            other: The other face, of the same face set.
            part: What to copy.

        Returns:
            The face with the copy.

        Raises:
            UsageError: The landmarks do not fit, or the face set cannot be written.
        """
        if part == "landmarks":
            return self._write_landmarks(self.face.landmarks_like(other.face))
        return self._write_mask(encode_mask(self.face.mask_like(other.face, other.mask())))

    @property
    def _landmarks_path(self) -> Path:
        return landmarks_path(self.directory, self.crop.name)

    @property
    def _mask_path(self) -> Path:
        return mask_path(self.directory, self.crop.name)

    def _write_landmarks(self, correction: LandmarkCorrection | None) -> "FaceEdit":
        face = self.face.corrected(correction)
        content = correction.to_bytes() if correction else None
        self.editor.history(self.directory).write({self._landmarks_path: content})
        return replace(self, face=face)

    def _write_mask(self, content: bytes | None) -> "FaceEdit":
        self.editor.history(self.directory).write({self._mask_path: content})
        return self

    def _parsed_mask(self) -> Mask:
        """Return the visible face that the face parsing network finds in the stored crop."""
        stored = self.face.geometry
        parsed = CropGeometry(
            size=PARSING_SIDE, coverage=_PARSED_COVERAGE, template=stored.template
        )
        to_parsed = compose_affine(stored.affine_to(parsed), self.face.realignment())
        _, outline = align_mesh(self.face.mesh(), to_parsed, PARSING_SIDE)
        picture = crop_face(read_picture(self.crop), to_parsed, PARSING_SIDE)
        (regions,) = self.editor.parser().parse_faces([picture], [outline])
        if regions is None:
            return np.full((stored.size, stored.size), 255, np.uint8)
        visible = region_mask(regions, VISIBLE_REGIONS, PARSING_SIDE)
        size = (stored.size, stored.size)
        in_crop = cv2.warpAffine(
            visible, invert_affine(to_parsed), size, borderMode=cv2.BORDER_REPLICATE
        )
        return steepened(np.asarray(in_crop, np.uint8))


def _rounded(points: Points) -> list[list[float]]:
    rounded: list[list[float]] = points.astype(np.float64).round(2).tolist()
    return rounded
