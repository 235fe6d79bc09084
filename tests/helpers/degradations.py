"""Spoil a perfect swap in one way each, as real swaps are spoilt."""

from collections.abc import Sequence

import cv2
import numpy as np

from faceloom.faces.alignment import apply_affine, umeyama
from faceloom.faces.face_finder import FaceFinder
from faceloom.faces.landmarks import LIPS
from faceloom.faces.mask import mesh_mask

Pictures = Sequence[np.ndarray]


def shifted(pictures: Pictures) -> list[np.ndarray]:
    """Two pixels to the right and down."""
    return [np.roll(picture, (2, 2), (0, 1)) for picture in pictures]


def blurred(pictures: Pictures) -> list[np.ndarray]:
    return [cv2.GaussianBlur(picture, (0, 0), 2) for picture in pictures]


def recolored(pictures: Pictures) -> list[np.ndarray]:
    return [_levels(picture + np.array([25.0, 0, -12])) for picture in pictures]


def flickering(pictures: Pictures) -> list[np.ndarray]:
    return [
        _levels(picture + (6.0 if number % 2 else -6.0)) for number, picture in enumerate(pictures)
    ]


def with_another_mouth(pictures: Pictures, later: int = 9) -> list[np.ndarray]:
    """Each frame with the mouth of another one, laid where its own is."""
    finder = FaceFinder()
    meshes = [finder.find([picture])[0][0].landmarks.points_xy for picture in pictures]
    spoilt = []
    for number, picture in enumerate(pictures):
        other = (number + later) % len(pictures)
        still = [33, 133, 263, 362, 6, 2]
        move = umeyama(meshes[other][still], meshes[number][still])
        size = (picture.shape[1], picture.shape[0])
        laid = cv2.warpAffine(pictures[other], move, size)
        both = np.concatenate(
            [meshes[number][list(LIPS)], apply_affine(move, meshes[other][list(LIPS)])]
        )
        weight = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillConvexPoly(weight, cv2.convexHull(np.round(both).astype(np.int32)), 255)
        soft = (
            cv2.GaussianBlur(cv2.dilate(weight, np.ones((5, 5), np.uint8)), (0, 0), 2)[..., None]
            / 255
        )
        spoilt.append(_levels(laid * soft + picture * (1 - soft)))
    return spoilt


def cut_out(pictures: Pictures, target: Pictures) -> list[np.ndarray]:
    """Only the face, with a hard edge, on the untouched target."""
    finder = FaceFinder()
    spoilt = []
    for picture, untouched in zip(pictures, target, strict=True):
        mesh = finder.find([untouched])[0][0].landmarks.points_xy
        face = cv2.erode(mesh_mask(mesh, *picture.shape[:2]), np.ones((5, 5), np.uint8)) > 127
        spoilt.append(np.where(face[..., None], picture, untouched))
    return spoilt


def of_the_wrong_person(target: Pictures) -> list[np.ndarray]:
    """The target's own face, only a little lighter: something was done, and nobody else is seen."""
    return [_levels(picture + 4.0) for picture in target]


def _levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
