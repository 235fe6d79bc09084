"""Faces that lie on their side or stand on their head: look again at the picture turned."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from faceloom.arrays import Rgb, float32
from faceloom.faces.detect import Detector, Faces

# Three more looks at a picture are three more chances to see a face where none is.
MIN_TURNED_SCORE = 0.8


def detect_turned(detector: Detector, pictures: Sequence[Rgb], min_score: float = MIN_TURNED_SCORE) -> list[Faces]:
    """Return the faces of each picture as seen when it is turned by 90, 180 or 270 degrees.

    Of the three turns the one with the best score is taken, whole; the picture as it stands is not looked at
    again. Boxes and points are in pixels of the picture as it stands. The points keep their meaning: the first
    is the eye that is left when the head is upright, so that it lies right of the second in a head upside down.
    All pictures must have the same height and width.
    """
    looks = [_look(detector, pictures, quarters, min_score) for quarters in (1, 2, 3)]
    return [max(turns, key=_best_score) for turns in zip(*looks, strict=True)]


def _look(detector: Detector, pictures: Sequence[Rgb], quarters: int, min_score: float) -> list[Faces]:
    turned = [np.ascontiguousarray(np.rot90(picture, quarters)) for picture in pictures]
    found = detector.detect(turned)
    return [
        turned_back(faces.select(faces.scores >= min_score), quarters, picture.shape[1], picture.shape[0])
        for picture, faces in zip(pictures, found, strict=True)
    ]


def turned_back(faces: Faces, quarters: int, width: int, height: int) -> Faces:
    """Map faces found in `np.rot90(picture, quarters)` to that picture; `width` and `height` are its own, in pixels."""
    corners = _points_back(faces.boxes_xyxy.reshape(-1, 2, 2), quarters, width, height)
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    return Faces(boxes, faces.scores, _points_back(faces.points_xy, quarters, width, height))


def _points_back(
    points_xy: Float32[np.ndarray, "n p 2"], quarters: int, width: int, height: int
) -> Float32[np.ndarray, "n p 2"]:
    x, y = points_xy[..., 0], points_xy[..., 1]
    right, bottom = width - 1, height - 1
    there = ((x, y), (right - y, x), (right - x, bottom - y), (y, bottom - x))[quarters % 4]
    return float32(np.stack(there, -1))


def _best_score(faces: Faces) -> float:
    return float(faces.scores.max(initial=0))
