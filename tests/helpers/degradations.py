"""Degrade a perfect swap in one way each, as real swaps are degraded."""

from collections.abc import Sequence

import cv2
import numpy as np

from faceloom.faces.alignment import apply_affine, umeyama
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.landmarks import BROWS, EYE_RIGHT_OUTER, LIPS, NOSE_TIP
from faceloom.faces.mask import mesh_mask

Pictures = Sequence[np.ndarray]

# Landmarks that do not move with the mouth: corners of the eyes, bridge and base of the nose.
_RIGID_POINTS = [33, 133, 263, 362, 6, 2]


def shifted(pictures: Pictures) -> list[np.ndarray]:
    """Shift by two pixels to the right and down."""
    return [np.roll(picture, (2, 2), (0, 1)) for picture in pictures]


def blurred(pictures: Pictures) -> list[np.ndarray]:
    """Blur with a sigma of two pixels."""
    return [cv2.GaussianBlur(picture, (0, 0), 2) for picture in pictures]


def recolored(pictures: Pictures) -> list[np.ndarray]:
    """Make redder."""
    return [_to_uint8(picture + np.array([25.0, 0, -12])) for picture in pictures]


def flickering(pictures: Pictures) -> list[np.ndarray]:
    """Make every other frame brighter, and the rest darker."""
    return [
        _to_uint8(picture + (6.0 if index % 2 else -6.0)) for index, picture in enumerate(pictures)
    ]


def with_another_mouth(pictures: Pictures, offset: int = 9) -> list[np.ndarray]:
    """Blend the mouth of the frame `offset` frames later into each frame."""
    finder = FaceFinder()
    meshes = [finder.find([picture])[0][0].landmarks.points_xy for picture in pictures]
    degraded = []
    for index, picture in enumerate(pictures):
        other = (index + offset) % len(pictures)
        transform = umeyama(meshes[other][_RIGID_POINTS], meshes[index][_RIGID_POINTS])
        aligned = cv2.warpAffine(pictures[other], transform, picture.shape[1::-1])
        lips = [meshes[index][list(LIPS)], apply_affine(transform, meshes[other][list(LIPS)])]
        weight = _soft_hull(np.concatenate(lips), picture.shape[:2])[..., None]
        degraded.append(_to_uint8(aligned * weight + picture * (1 - weight)))
    return degraded


def cut_out(pictures: Pictures, target: Pictures) -> list[np.ndarray]:
    """Paste only the face, with a hard edge, onto the target."""
    finder = FaceFinder()
    degraded = []
    for picture, original in zip(pictures, target, strict=True):
        mesh = finder.find([original])[0][0].landmarks.points_xy
        face = cv2.erode(mesh_mask(mesh, *picture.shape[:2]), np.ones((5, 5), np.uint8)) > 127
        degraded.append(np.where(face[..., None], picture, original))
    return degraded


def with_a_fringe(pictures: Pictures) -> list[np.ndarray]:
    """Draw the hair above the forehead down onto it, as a source with a fringe leaves it."""
    finder = FaceFinder()
    degraded = []
    for picture in pictures:
        mesh = finder.find([picture])[0][0].landmarks.points_xy
        face = mesh_mask(mesh, *picture.shape[:2])
        top, brows = int(np.argmax(face.any(1))), float(mesh[list(BROWS), 1].min())
        # The sample's hair begins above the mask.
        crown, hairline, bottom = (round(top + a * (brows - top)) for a in (-1, -0.6, 0.5))
        face[hairline:bottom] = face[bottom]
        face[bottom:] = 0
        (columns,) = np.nonzero(face.any(0))
        left, right = columns[[0, -1]]
        middle = slice(left + (right - left) // 3, right - (right - left) // 3)
        covered = picture.copy()
        covered[hairline:bottom, left:right] = cv2.resize(
            picture[crown:hairline, middle], (right - left, bottom - hairline)
        )
        weight = cv2.GaussianBlur(face, (0, 0), 1.5)[..., None] / 255
        degraded.append(_to_uint8(covered * weight + picture * (1 - weight)))
    return degraded


def with_blotches(pictures: Pictures) -> list[np.ndarray]:
    """Darken a soft patch on a cheek, as colors that are matched over a shadow do."""
    finder = FaceFinder()
    degraded = []
    for picture in pictures:
        face = finder.find([picture])[0][0]
        y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
        center = face.landmarks.points_xy[[NOSE_TIP, EYE_RIGHT_OUTER]].mean(0)
        distance = np.hypot(x - center[0], y - center[1]) / (0.15 * face.size)
        degraded.append(_to_uint8(picture * (1 - 0.3 * np.exp(-(distance**2)))[..., None]))
    return degraded


def of_the_wrong_person(target: Pictures) -> list[np.ndarray]:
    """Make the target a little lighter: every frame is changed, and the identity is not."""
    return [_to_uint8(picture + 4.0) for picture in target]


def _soft_hull(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the convex hull of points as a mask of 0 to 1 with a soft edge."""
    mask = np.zeros(size, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 255)
    return cv2.GaussianBlur(cv2.dilate(mask, np.ones((5, 5), np.uint8)), (0, 0), 2) / 255


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
