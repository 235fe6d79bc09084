"""What a face does, apart from whose it is and how the head is turned."""

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.arrays import Points, Rgb, float32
from faceloom.colours import luma
from faceloom.faces.align import apply_affine, umeyama
from faceloom.faces.landmarks import BROWS, EYE_LEFT, EYE_LEFT_OUTER, EYE_RIGHT, EYE_RIGHT_OUTER, INNER_LIPS, LIPS

# Meshes of a video's frames; NaN where there is no face.
Meshes = Float32[np.ndarray, "t 468 3"]
# What is left of them: places on the face in eye distances.
Places = Float32[np.ndarray, "t 468 2"]

GROUPS = {"mouth": (*LIPS, *INNER_LIPS), "eyes": (*EYE_LEFT, *EYE_RIGHT), "brows": BROWS}
# Points that stay where they are on the skull when a face moves: forehead, temples, bridge and tip of the nose.
_STILL = (
    10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356, 234, 454, 168, 6, 197, 195, 5, 4,
    33, 263, 133, 362,
)  # fmt: skip
# Distance of the eyes' outer corners, in distances between the eyes' centres.
_OUTER = 1.4
# In eye distances: a face that moves less than this in a clip does not move; the landmarks' own noise is half of it.
_LEAST_MOVEMENT = 0.008
# An eye whose lids are nearer than this part of its width shows no pupil.
_SHUT = 0.14
# Places in an eye's ring of upper lid and, mirrored, lower lid; corners are 0 and 8.
_UPPER, _LOWER = (3, 4, 5), (13, 12, 11)


def frontal_mesh(meshes: Meshes, angles: Float32[np.ndarray, "t 3"]) -> Float32[np.ndarray, "468 3"]:
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


def movement(places: Places, seen: np.ndarray) -> Places:
    """Return the way of each point from its mean over the frames `seen`: the face's own shape is taken out."""
    return float32(places - places[seen].mean(0))


def share_kept(swap: Places, wanted: Places, group: str) -> Float32[np.ndarray, "t"]:
    """Return for each frame how much of the movement of a group of points is kept.

    1: moved alike. 0: as far off as a face that does not move. Below 0: further off. The mean over frames is
    the coefficient of determination (R squared) of the wanted movement.
    """
    points = list(GROUPS[group])
    error = ((swap - wanted)[:, points] ** 2).sum(-1).mean(-1)
    amount = (wanted[:, points] ** 2).sum(-1).mean(-1)
    return float32(1 - error / max(float(np.mean(amount[np.isfinite(error)])), _LEAST_MOVEMENT**2))


def gaze(crop: Rgb, mesh_xy: Points) -> Float32[np.ndarray, "2"]:
    """Return where the pupils are between the corners of their eyes, in eye widths to the right and down.

    The mean of the dark in each open eye; NaN where both are shut.
    """
    grey = luma(crop)
    eyes = [_pupil(grey, mesh_xy[list(ring)]) for ring in (EYE_LEFT, EYE_RIGHT)]
    seen = [eye for eye in eyes if eye is not None]
    return float32(np.mean(seen, axis=0)) if seen else float32([np.nan, np.nan])


def _pupil(grey: Float32[np.ndarray, "s s"], ring_xy: Points) -> Float32[np.ndarray, "2"] | None:
    corners = ring_xy[[0, 8]]
    left, right = corners[np.argsort(corners[:, 0])]
    width = float(np.linalg.norm(right - left))
    gap = np.linalg.norm(ring_xy[list(_UPPER)] - ring_xy[list(_LOWER)], axis=1).mean()
    inside = np.zeros(grey.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(ring_xy * 16).astype(np.int32)], 255, shift=4)
    rows, columns = np.nonzero(inside)
    if gap < _SHUT * width or len(rows) < 12:
        return None
    light = grey[rows, columns]
    dark = np.clip(np.percentile(light, 70) - light, 1e-4, None) ** 2
    centre = float32([columns @ dark, rows @ dark]) / dark.sum() - (left + right) / 2
    along = (right - left) / width
    return float32([centre @ along, centre @ float32([-along[1], along[0]])]) / width
