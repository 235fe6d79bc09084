"""What a face does, apart from whose it is and how the head is turned."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Points, Rgb, float32
from faceloom.color import luma
from faceloom.faces.alignment import apply_affine, umeyama
from faceloom.faces.landmarks import (
    BROWS,
    EYE_LEFT,
    EYE_LEFT_OUTER,
    EYE_RIGHT,
    EYE_RIGHT_OUTER,
    INNER_LIPS,
    LIPS,
    LOWER_LID,
    UPPER_LID,
)

# Meshes of a video's frames; NaN where there is no face.
Meshes = Float32[np.ndarray, "t 468 3"]
# What is left of them: places on the face in eye distances.
Places = Float32[np.ndarray, "t 468 2"]


@dataclass(frozen=True, slots=True)
class Feature:
    """Points of the mesh that move, and points near them that hardly do."""

    points: tuple[int, ...]
    anchor: tuple[int, ...]


_NOSE_BASE, _CORNERS_LEFT, _CORNERS_RIGHT = (2, 98, 327), (33, 133), (263, 362)
FEATURES = {
    "mouth": (Feature((*LIPS, *INNER_LIPS), _NOSE_BASE),),
    "eyes": (Feature(EYE_LEFT, _CORNERS_LEFT), Feature(EYE_RIGHT, _CORNERS_RIGHT)),
    "brows": (Feature(BROWS[:10], _CORNERS_LEFT), Feature(BROWS[10:], _CORNERS_RIGHT)),
}
# How far they usually move in speech, in eye distances.
UNITS = {"mouth": 0.04, "eyes": 0.015, "brows": 0.03}
# A group that moves less than a third of that in a clip does not move.
_LEAST_ENERGY = 0.1
# Points that stay where they are on the skull when a face moves: forehead, temples, bridge and tip of the nose.
_STILL = (
    10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356, 234, 454, 168, 6, 197, 195, 5, 4,
    33, 263, 133, 362,
)  # fmt: skip
# Distance of the eyes' outer corners, in distances between the eyes' centers.
_OUTER = 1.4
# Degrees that count as one, so that the fit is well posed; frames needed for each kind of turn.
_TURN, _FRAMES_A_TURN = 20.0, 8
# An eye whose lids are nearer than this part of its width shows no pupil.
_SHUT = 0.14


def frontal_mesh(
    meshes: Meshes, angles: Float32[np.ndarray, "t 3"]
) -> Float32[np.ndarray, "468 3"]:
    """Return the mesh that looks most straight at the camera, its eyes 1 apart: what all others are laid upon."""
    mesh = meshes[int(np.nanargmin(np.abs(angles[:, :2]).sum(1)))]
    return float32(mesh / np.linalg.norm(mesh[EYE_RIGHT_OUTER] - mesh[EYE_LEFT_OUTER]) * _OUTER)


def places_on_face(meshes: Meshes, reference: Float32[np.ndarray, "468 3"]) -> Places:
    """Lay each mesh upon the reference by the points that do not move, in space; keep x and y."""
    places = np.full((len(meshes), 468, 2), np.nan, np.float32)
    still = list(_STILL)
    for place, mesh in zip(places, meshes, strict=True):
        if np.isfinite(mesh).all():
            place[:] = apply_affine(umeyama(mesh[still], reference[still]), mesh)[:, :2]
    return places


def movement(
    places: Places, angles: Float32[np.ndarray, "t 3"], seen: Bool[np.ndarray, "t"]
) -> Places:
    """Return how far each point is from where it usually is at such a turn of the head.

    `angles` are the target's. Over the frames `seen` each point's place is fitted by least squares as a constant,
    which is the face's own shape, and, where there are frames enough, as linear and quadratic in yaw and pitch:
    landmarks of a face that does nothing wander with the head.
    """
    yaw, pitch, roll = (angles / _TURN).T
    turns = [yaw, pitch, roll, yaw * yaw, pitch * pitch, yaw * pitch]
    used = turns if seen.sum() >= _FRAMES_A_TURN * len(turns) else []
    columns = np.stack([np.ones_like(yaw), *used], 1)
    flat = places.reshape(len(places), -1)
    usual = columns @ np.linalg.lstsq(columns[seen], flat[seen], rcond=None)[0]
    return float32(places - usual.reshape(places.shape))


def shares_kept(swap: Places, wanted: Places) -> dict[str, Float32[np.ndarray, "t"]]:
    """Return for each frame how much of the movement of each group of FEATURES is kept, and of all as `expression`.

    1: moved alike. 0: as far off as a face that does not move. Below 0: further off. The mean over frames is
    the coefficient of determination (R squared) of the wanted movement. In `expression` a group counts by how much
    it moves in this clip, in its own unit.
    """
    errors = {group: _energy(swap - wanted, group) for group in FEATURES}
    known = np.isfinite(errors["mouth"])
    amounts = {group: float(_energy(wanted, group)[known].mean()) for group in FEATURES}
    shares = {
        group: float32(1 - errors[group] / max(amounts[group], _LEAST_ENERGY)) for group in FEATURES
    }
    whole = float32(1 - sum(errors.values()) / max(sum(amounts.values()), _LEAST_ENERGY))
    return {"expression": whole, **shares}


def _energy(movements: Places, group: str) -> Float32[np.ndarray, "t"]:
    """Mean squared length of a group's movements, in its unit."""
    lengths = [_beside_anchor(movements, feature) for feature in FEATURES[group]]
    return float32(
        np.mean([(length**2).sum(-1).mean(-1) for length in lengths], axis=0) / UNITS[group] ** 2
    )


def _beside_anchor(movements: Places, feature: "Feature") -> Float32[np.ndarray, "t k 2"]:
    """Movement relative to the anchor: what the whole face is laid upon wanders a little, and everything with it."""
    return float32(
        movements[:, list(feature.points)]
        - movements[:, list(feature.anchor)].mean(1, keepdims=True)
    )


def gaze(crop: Rgb, mesh_xy: Points) -> Float32[np.ndarray, "2"]:
    """Return where the pupils are between the corners of their eyes, in eye widths to the right and down.

    The mean of the dark in each open eye; NaN where both are shut.
    """
    gray = luma(crop)
    eyes = [_pupil(gray, mesh_xy[list(ring)]) for ring in (EYE_LEFT, EYE_RIGHT)]
    seen = [eye for eye in eyes if eye is not None]
    return float32(np.mean(seen, axis=0)) if seen else float32([np.nan, np.nan])


def _pupil(gray: Float32[np.ndarray, "s s"], ring_xy: Points) -> Float32[np.ndarray, "2"] | None:
    corners = ring_xy[[0, 8]]
    left, right = corners[np.argsort(corners[:, 0])]
    width = float(np.linalg.norm(right - left))
    gap = np.linalg.norm(ring_xy[list(UPPER_LID)] - ring_xy[list(LOWER_LID)], axis=1).mean()
    inside = np.zeros(gray.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(ring_xy * 16).astype(np.int32)], 255, shift=4)
    rows, columns = np.nonzero(inside)
    if gap < _SHUT * width or len(rows) < 12:
        return None
    light = gray[rows, columns]
    dark = np.clip(np.percentile(light, 70) - light, 1e-4, None) ** 2
    center = float32([columns @ dark, rows @ dark]) / dark.sum() - (left + right) / 2
    along = (right - left) / width
    return float32([center @ along, center @ float32([-along[1], along[0]])]) / width
