"""Facial motion, independent of identity and head pose."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import float32
from faceloom.faces.alignment import apply_affine, umeyama
from faceloom.faces.landmarks import (
    BROWS,
    EYE_LEFT,
    EYE_LEFT_OUTER,
    EYE_RIGHT,
    EYE_RIGHT_OUTER,
    INNER_LIPS,
    LIPS,
)

# Meshes of a video's frames; NaN where there is no face.
Meshes = Float32[np.ndarray, "t 468 3"]
# Landmarks of frontalized meshes, in eye distances.
FrontalPoints = Float32[np.ndarray, "t 468 2"]


@dataclass(frozen=True, slots=True)
class Feature:
    """Landmarks of a facial feature that moves."""

    points: tuple[int, ...]
    """Indices of the landmarks that move."""
    anchor: tuple[int, ...]
    """Indices of nearby landmarks that hardly move."""


_NOSE_BASE = (2, 98, 327)
_LEFT_EYE_CORNERS = (33, 133)
_RIGHT_EYE_CORNERS = (263, 362)
FEATURES = {
    "mouth_motion": (Feature((*LIPS, *INNER_LIPS), _NOSE_BASE),),
    "eye_motion": (Feature(EYE_LEFT, _LEFT_EYE_CORNERS), Feature(EYE_RIGHT, _RIGHT_EYE_CORNERS)),
    "brow_motion": (
        Feature(BROWS[:10], _LEFT_EYE_CORNERS),
        Feature(BROWS[10:], _RIGHT_EYE_CORNERS),
    ),
}
# Motion of each group that counts as 1, in eye distances: the typical motion of the mouth in
# speech, and of the eyes so much that they count a fifth to two fifths of the mouth in a talking
# person. Brows count least, because they are measured least reliably.
MOTION_UNITS = {"mouth_motion": 0.04, "eye_motion": 0.025, "brow_motion": 0.05}
# Least energy of a group in squared units of MOTION_UNITS: a group that moves less than a third of
# a unit in a clip does not move.
_LEAST_ENERGY = 0.1
# Largest mean error of a group that counts, in units of its energy: one group whose motion is wrong
# must not outweigh others that are right.
_LARGEST_ERROR = 2.0
# Least sum of squared motion, in squared eye distances, that a factor is fitted to: a still face
# has none to divide by.
_LEAST_SQUARE = 1e-9
# Landmarks that stay in place on the skull when a face moves: forehead, temples, bridge and tip of
# the nose, corners of the eyes.
_RIGID_POINTS = (
    10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356, 234, 454, 168, 6, 197,
    195, 5, 4, 33, 263, 133, 362,
)  # fmt: skip
# Distance of the eyes' outer corners, in distances between the eyes' centers.
_OUTER_CORNERS = 1.4
# Degrees that count as 1 in the fit, to keep it well conditioned.
_ANGLE_UNIT = 20.0
# Frames that the fit of usual positions needs for each of its terms.
_FRAMES_PER_TERM = 3


def frontal_mesh(
    meshes: Meshes, angles: Float32[np.ndarray, "t 3"]
) -> Float32[np.ndarray, "468 3"]:
    """Return the most frontal mesh, scaled so that the eyes are 1 apart.

    Args:
        meshes: Landmarks per frame, in pixels.
        angles: Yaw, pitch and roll per frame, in degrees.
    """
    mesh = meshes[int(np.nanargmin(np.abs(angles[:, :2]).sum(1)))]
    width = np.linalg.norm(mesh[EYE_RIGHT_OUTER] - mesh[EYE_LEFT_OUTER])
    return float32(mesh / width * _OUTER_CORNERS)


def frontalize(meshes: Meshes, frontal: Float32[np.ndarray, "468 3"]) -> FrontalPoints:
    """Align each mesh with a frontal one by the landmarks that do not move.

    Args:
        meshes: Landmarks per frame, in pixels.
        frontal: The mesh to align with; see `frontal_mesh`.

    Returns:
        x and y of the aligned landmarks; NaN where there is no face.
    """
    points = np.full((len(meshes), 468, 2), np.nan, np.float32)
    rigid = list(_RIGID_POINTS)
    for frame, mesh in zip(points, meshes, strict=True):
        if np.isfinite(mesh).all():
            frame[:] = apply_affine(umeyama(mesh[rigid], frontal[rigid]), mesh)[:, :2]
    return points


def motion(
    points: FrontalPoints, angles: Float32[np.ndarray, "t 3"], known: Bool[np.ndarray, "t"]
) -> FrontalPoints:
    """Return each landmark's displacement from its usual position at that head pose.

    The usual position is fitted by least squares: a constant, which is the face's shape, and as
    many linear and quadratic terms of the head pose as the frames allow, because the landmarks of a
    still face drift with it. Without those terms, a frozen face that turns with the target's head
    seems to keep half of its motion.

    Args:
        points: Frontalized landmarks per frame.
        angles: The target's yaw, pitch and roll per frame, in degrees.
        known: Frames to fit.

    Returns:
        Displacements in eye distances.
    """
    yaw, pitch, roll = (angles / _ANGLE_UNIT).T
    # The terms that matter most come first.
    terms = [yaw, pitch, roll, yaw * yaw, pitch * pitch, yaw * pitch]
    used = terms[: int(known.sum()) // _FRAMES_PER_TERM]
    columns = np.stack([np.ones_like(yaw), *used], 1)
    flat = points.reshape(len(points), -1)
    usual = columns @ np.linalg.lstsq(columns[known], flat[known], rcond=None)[0]
    return float32(points - usual.reshape(points.shape))


def motion_r_squared(
    swap: FrontalPoints, reference: FrontalPoints
) -> dict[str, Float32[np.ndarray, "t"]]:
    """Return how much of the reference's motion the swap keeps, per frame and group of FEATURES.

    The mean over frames is the coefficient of determination (R squared). In `expression`, the
    total, a group counts by how much it moves in this clip, in its unit of MOTION_UNITS.
    `followed_motion` is the total after each group's motion is scaled by the factor from 0 to 1
    that fits best: it tells a face that moves too much from one that does not move.

    Args:
        swap: Motion of the swap; see `motion`.
        reference: Motion to keep.

    Returns:
        1: equal motion. 0: as far off as a face that does not move. Negative: further off; the mean
        of a group is at least -1.
    """
    errors = {group: _energy(swap - reference, group) for group in FEATURES}
    known = np.isfinite(errors["mouth_motion"])
    amounts = {group: float(_energy(reference, group)[known].mean()) for group in FEATURES}
    units = {group: max(amount, _LEAST_ENERGY) for group, amount in amounts.items()}
    errors = {group: _limited(errors[group], _LARGEST_ERROR * units[group]) for group in FEATURES}
    kept = {group: float32(1 - errors[group] / units[group]) for group in FEATURES}
    unit = max(sum(amounts.values()), _LEAST_ENERGY)
    without_excess = sum(_error_without_excess(swap, reference, group) for group in FEATURES)
    return {
        "expression": float32(1 - sum(errors.values()) / unit),
        "followed_motion": float32(1 - without_excess / unit),
        **kept,
    }


def _error_without_excess(
    swap: FrontalPoints, reference: FrontalPoints, group: str
) -> Float32[np.ndarray, "t"]:
    """Error of a group's motion in units of MOTION_UNITS, scaled by the best factor up to 1."""
    pairs = [
        (_relative_to_anchor(swap, feature), _relative_to_anchor(reference, feature))
        for feature in FEATURES[group]
    ]
    # Other frames would count in the square alone.
    known = [np.isfinite(own) & np.isfinite(other) for own, other in pairs]
    product = sum(
        float((own * other)[both].sum()) for (own, other), both in zip(pairs, known, strict=True)
    )
    square = sum(float((own[both] ** 2).sum()) for (own, _), both in zip(pairs, known, strict=True))
    factor = min(max(product, 0.0) / max(square, _LEAST_SQUARE), 1.0)
    return _energy(factor * swap - reference, group)


def _limited(errors: Float32[np.ndarray, "t"], limit: float) -> Float32[np.ndarray, "t"]:
    """Reduce all errors in proportion if their mean exceeds a limit."""
    return float32(errors * (limit / max(float(np.nanmean(errors)), limit)))


def _energy(motions: FrontalPoints, group: str) -> Float32[np.ndarray, "t"]:
    """Mean squared length of a group's motion, in squared units of MOTION_UNITS."""
    relative = [_relative_to_anchor(motions, feature) for feature in FEATURES[group]]
    squares = [(vectors**2).sum(-1).mean(-1) for vectors in relative]
    return float32(np.mean(squares, axis=0) / MOTION_UNITS[group] ** 2)


def _relative_to_anchor(motions: FrontalPoints, feature: Feature) -> Float32[np.ndarray, "t k 2"]:
    """Subtract the anchor's motion: errors of the alignment move all landmarks alike."""
    anchor = motions[:, list(feature.anchor)].mean(1, keepdims=True)
    return float32(motions[:, list(feature.points)] - anchor)
