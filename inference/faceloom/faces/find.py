"""From pictures in order to faces with landmarks and track numbers: what extraction and conversion share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.arrays import Points, Rgb
from faceloom.faces.detect import Faces, open_detector
from faceloom.faces.landmarks import FaceMesh, Landmarks
from faceloom.faces.track import Tracker

# Below this the mesh network itself doubts that it sees a face.
_MIN_MESH_SCORE = 0.5


@dataclass(frozen=True, slots=True)
class Face:
    """One face of one picture."""

    box_xyxy: Float32[np.ndarray, "4"]
    score: float
    landmarks: Landmarks
    track: int

    @property
    def points_xy(self) -> Points:
        """The five alignment points, from the mesh."""
        return self.landmarks.five_points_xy()

    @property
    def size(self) -> float:
        """The longer side of its box in pixels."""
        return float((self.box_xyxy[2:] - self.box_xyxy[:2]).max())


class FaceFinder:
    """Finds and follows the faces of one video. Make a new one for each video: it remembers tracks."""

    def __init__(self, min_size: float = 0):
        self._detector = open_detector()
        self._mesh = FaceMesh()
        self._tracker = Tracker()
        self._min_size = min_size

    def find(self, pictures: Sequence[Rgb]) -> list[list[Face]]:
        """Return the faces of each picture, the largest first. Call it with pictures in their order."""
        return [
            self._measure(picture, faces.largest_first())
            for picture, faces in zip(pictures, self._detector.detect(pictures), strict=True)
        ]

    def _measure(self, picture: Rgb, detected: Faces) -> list[Face]:
        tracks = self._tracker.follow(detected.boxes_xyxy)
        faces = [
            Face(box, float(score), self._mesh.find(picture, box, points), track)
            for box, score, points, track in zip(
                detected.boxes_xyxy, detected.scores, detected.points_xy, tracks, strict=True
            )
        ]
        return [f for f in faces if f.size >= self._min_size and f.landmarks.score >= _MIN_MESH_SCORE]
