"""Apply moved landmarks to the rows of a face set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Affine, Points, float32
from faceloom.errors import ArtifactRefused
from faceloom.faces.alignment import (
    CropGeometry,
    affine_scale,
    apply_affine,
    invert_affine,
    umeyama,
)
from faceloom.faces.landmarks import five_points
from faceloom.faces.quality import eyes_open, mouth_open
from faceloom.faceset.corrections.correction_files import (
    DELETE_IT,
    LandmarkCorrection,
    corrected_stems,
    landmarks_path,
    read_landmark_correction,
)
from faceloom.faceset.packed_points import PackedPoints
from faceloom.faceset.schema import FaceRow, PointXY

# Pixels of the crop by which an alignment point moves at least if the face is aligned again.
_SMALLEST_MOVE = 0.01
# Largest factor by which corrected landmarks may enlarge or shrink a face: a wrong detection is
# rarely off by twice, and the stored crop shows nothing beyond one and a half faces.
_MAX_SCALE = 4.0
# Smallest extent of the five points of a face, in pixels.
_SMALLEST_FACE = 1e-3


@dataclass(frozen=True, slots=True)
class Corrections:
    """What was corrected in the faces of a face set, by the path of the crop."""

    realigned: Mapping[str, Affine] = field(default_factory=dict)
    """Faces whose alignment was corrected: the map from pixels of the stored crop to those of the
    crop that the corrected landmarks align."""
    moved: frozenset[str] = frozenset()
    """Faces with moved landmarks."""
    painted: frozenset[str] = frozenset()
    """Faces with a painted mask."""


def apply_corrections(
    directory: Path, rows: Iterable[FaceRow], geometry: CropGeometry
) -> tuple[tuple[FaceRow, ...], Corrections]:
    """Replace the landmarks of rows by the corrected ones.

    Args:
        directory: The face set.
        rows: Its rows as extraction wrote them.
        geometry: Geometry of its crops.

    Returns:
        The rows with corrected alignment points, landmarks and openings of eyes and mouth; and what
        was corrected.

    Raises:
        ArtifactRefused: A correction is damaged, or moves landmarks too far.
    """
    moved_stems, painted_stems = corrected_stems(directory)
    corrected, realigned = list[FaceRow](), dict[str, Affine]()
    moved, painted = set[str](), set[str]()
    for row in rows:
        stem = Path(row.image).stem
        if stem in painted_stems:
            painted.add(row.image)
        if stem not in moved_stems:
            corrected.append(row)
            continue
        _, new_row, to_crop = read_corrected_row(directory, row, geometry)
        corrected.append(new_row)
        moved.add(row.image)
        if to_crop is not None:
            realigned[row.image] = to_crop
    return tuple(corrected), Corrections(realigned, frozenset(moved), frozenset(painted))


def read_corrected_row(
    directory: Path, row: FaceRow, geometry: CropGeometry
) -> tuple[LandmarkCorrection, FaceRow, Affine | None]:
    """Read the moved landmarks of a face and apply them to its row.

    Args:
        directory: The face set.
        row: The row as extraction wrote it.
        geometry: Geometry of the stored crop.

    Returns:
        The correction, and what `move_landmarks` returns.

    Raises:
        ArtifactRefused: The correction is damaged, or moves landmarks too far.
        OSError: The face has no moved landmarks.
    """
    path = landmarks_path(directory, row.image)
    correction = read_landmark_correction(path)
    try:
        return correction, *move_landmarks(row, correction.to_array(), geometry)
    except ArtifactRefused as error:
        raise ArtifactRefused(f"{path} {error}; {DELETE_IT}.") from error


def move_landmarks(
    row: FaceRow, offsets: Float32[np.ndarray, "468 2"], geometry: CropGeometry
) -> tuple[FaceRow, Affine | None]:
    """Move the landmarks of a row.

    Each alignment point moves as far as the mean of its landmarks. The pose stays as detected:
    it cannot be computed from landmarks without depth.

    Args:
        row: A row as extraction wrote it.
        offsets: How far each landmark is moved, in sides of the stored crop.
        geometry: Geometry of the stored crop.

    Returns:
        The corrected row; and the map from the stored crop to the crop that it aligns, None if the
        alignment stays.

    Raises:
        ArtifactRefused: The corrected face is too small or too large; the message has no subject.
    """
    points = float32(row.points_xy)
    if points_coincide(points):
        raise ArtifactRefused("corrects a face whose alignment points coincide")
    to_stored = geometry.frame_to_crop(points)
    detected = apply_affine(to_stored, float32(row.mesh_xy))
    corrected = float32(detected + offsets * geometry.size)
    moves = float32(five_points(corrected) - five_points(detected))
    to_frame = invert_affine(to_stored)
    quality = row.quality.model_copy(
        update={"eyes_open": eyes_open(corrected), "mouth_open": mouth_open(corrected)}
    )
    mesh_xy = PackedPoints(_as_tuples(apply_affine(to_frame, corrected)))
    changes = {"mesh_xy": mesh_xy, "quality": quality}
    if np.abs(moves).max() < _SMALLEST_MOVE:
        return row.model_copy(update=changes), None
    aligned = float32(apply_affine(to_stored, points) + moves)
    to_crop = _align(aligned, geometry)
    changes["points_xy"] = _as_tuples(apply_affine(to_frame, aligned))
    return row.model_copy(update=changes), to_crop


def points_coincide(points_xy: Points) -> bool:
    """Return whether the alignment points of a face are so close together that none aligns it.

    Args:
        points_xy: The five points in pixels.
    """
    return bool(np.ptp(points_xy, axis=0).max() < _SMALLEST_FACE)


def _align(points_xy: Points, geometry: CropGeometry) -> Affine:
    if not points_coincide(points_xy):
        to_crop = umeyama(points_xy, geometry.template_xy())
        if 1 / _MAX_SCALE <= affine_scale(to_crop) <= _MAX_SCALE:
            return to_crop
    raise ArtifactRefused("moves the eyes, nose and mouth too close together or too far apart")


def _as_tuples(points_xy: Points) -> tuple[PointXY, ...]:
    xs, ys = points_xy.T.astype(np.float64).tolist()
    return tuple(zip(xs, ys, strict=True))
