"""Degrade a perfect swap in one way each, as real swaps are degraded."""

from collections.abc import Sequence

import cv2
import numpy as np

from faceloom.faces.alignment import apply_affine, umeyama
from faceloom.faces.expression import ExpressionReader
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.landmarks import (
    BROWS,
    EYE_LEFT,
    EYE_RIGHT,
    EYE_RIGHT_OUTER,
    LIPS,
    NOSE_TIP,
)
from faceloom.faces.mask import mesh_mask

Pictures = Sequence[np.ndarray]

# Landmarks that do not move with the mouth: corners of the eyes, bridge and base of the nose.
_RIGID_POINTS = [33, 133, 263, 362, 6, 2]

# Share of the usual lid opening below which an eye is not quite open.
_OPEN = 0.85


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
    others = [(index + offset) % len(pictures) for index in range(len(pictures))]
    return _with_features_of(pictures, others, (LIPS,))


def never_blinking(pictures: Pictures) -> list[np.ndarray]:
    """Blend the open eyes of the frame before into each frame in which they are less open."""
    finder = FaceFinder()
    meshes = [finder.find([picture])[0][0].landmarks.points_xy for picture in pictures]
    lids = [face.lid_opening for face in ExpressionReader().read(pictures, meshes)]
    others = list(range(len(pictures)))
    least = _OPEN * float(np.median(lids))
    for index in range(1, len(others)):
        if lids[index] < least:
            others[index] = others[index - 1]
    return with_eyes_of(pictures, others)


def with_another_gaze(pictures: Pictures, offset: int = 45) -> list[np.ndarray]:
    """Blend the eyes of the frame `offset` frames later into each frame."""
    return with_eyes_of(pictures, [(n + offset) % len(pictures) for n in range(len(pictures))])


def with_eyes_of(pictures: Pictures, others: Sequence[int]) -> list[np.ndarray]:
    """Blend the eyes of the frame that `others` names into each frame."""
    return _with_features_of(pictures, others, (EYE_LEFT, EYE_RIGHT))


def _with_features_of(
    pictures: Pictures, others: Sequence[int], features: Sequence[tuple[int, ...]]
) -> list[np.ndarray]:
    """Blend features of another frame of the clip into each frame."""
    finder = FaceFinder()
    meshes = [finder.find([picture])[0][0].landmarks.points_xy for picture in pictures]
    degraded = []
    for index, other in enumerate(others):
        picture, own, others_mesh = pictures[index], meshes[index], meshes[other]
        transform = umeyama(others_mesh[_RIGID_POINTS], own[_RIGID_POINTS])
        aligned = cv2.warpAffine(pictures[other], transform, picture.shape[1::-1])
        for feature in features:
            points = [own[list(feature)], apply_affine(transform, others_mesh[list(feature)])]
            weight = _soft_hull(np.concatenate(points), picture.shape[:2])[..., None]
            picture = _to_uint8(aligned * weight + picture * (1 - weight))
        degraded.append(picture)
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
