"""Faces without a picture: of any size, at any place, of any track."""

import numpy as np

from faceloom.array_types import float32
from faceloom.faces.face_finder import Face
from faceloom.faces.landmarks import CHIN, EYE_LEFT_OUTER, EYE_RIGHT_OUTER, FOREHEAD, Landmarks

# Flat, with eyes, forehead and chin where they are on a face that looks into the camera.
_MESH = float32(np.random.default_rng(0).uniform(0, 1, (468, 3)) * [1, 1, 0])
_MESH[[EYE_LEFT_OUTER, EYE_RIGHT_OUTER, FOREHEAD, CHIN]] = [
    [0.2, 0.4, 0],
    [0.8, 0.4, 0],
    [0.5, 0, 0],
    [0.5, 1, 0],
]


def made_face(track: int = 0, size: float = 100, left: float = 0) -> Face:
    """Return a face whose box is about `size` pixels a side."""
    return Face.from_landmarks(Landmarks(_MESH * size + float32([left, 0, 0]), 1.0), 1.0, track)
