"""Heads that lie on their side or stand upside down.

Detectors do find such heads, but see their points where an upright head has them: on 120 frames of the made clips
turned by 90, 180 and 270 degrees, RetinaFace's are wrong by a third of the face in 60, 106 and 46. So nothing found
is not the only sign of a turned head. Which turn sets it upright is YuNet's to say: its score was the highest of the
four there in 239 of 239 pictures, made and real; RetinaFace's, near 1 for every turn, misled in 7 of 48.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, Rgb, float32
from faceloom.faces.detect import Detections, Detector
from faceloom.faces.yunet import YuNet

# Mean distance of a detector's points from the mesh's, as a part of their extent. On 102 frames, made and real, 98
# upright ones lie below; of those turned by 90, 180 and 270 degrees 89, 97 and 81 above (5 more were not found).
_MAX_DISAGREEMENT = 0.1


def looks_rotated(detected_xy: Points, mesh_xy: Points, limit: float = _MAX_DISAGREEMENT) -> bool:
    """Say whether the five points of a detector are so far from those of the mesh that the head may be turned."""
    extent = np.linalg.norm(detected_xy.max(0) - detected_xy.min(0))
    distance = np.linalg.norm(detected_xy - mesh_xy, axis=1).mean()
    return bool(distance > limit * extent)


class RotatedFaceDetector:
    """A detector for heads at any roll: asks `detector` in the one of four turns in which `judge` is surest.

    It costs four runs of the judge more, so it is for pictures where the detector alone found nothing, or
    where what it found `looks_rotated`. Where the judge is not sure to at least `min_score` of a
    turned picture, the picture is taken as it stands.
    """

    def __init__(self, detector: Detector, judge: Detector | None = None, min_score: float = 0.7):
        self._detector = detector
        self._judge = judge
        self._min_score = min_score

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first, in pixels of the picture as it stands.

        The points keep their meaning: the first is the eye that is left when the head is upright, so that it
        lies right of the second in a head upside down. All faces of a picture are found in the same turn.
        """
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Rgb) -> Detections:
        # Opened when it is first needed: most footage never needs it.
        self._judge = self._judge or YuNet()
        turns = [_turned(picture, quarters) for quarters in range(4)]
        judged = [self._judge.detect([turn])[0] for turn in turns]
        quarters = self._upright(judged)
        found = self._detector.detect([turns[quarters]])[0]
        # Two networks looked at this turn: a face that only the judge saw is a face.
        return rotate_back(
            found if len(found) else judged[quarters], quarters, picture.shape[1], picture.shape[0]
        )

    def _upright(self, judged: Sequence[Detections]) -> int:
        """Return the turn, in quarters counter-clockwise, in which heads are upright; 0 where none is sure."""
        scores = [float(faces.scores.max(initial=0)) for faces in judged]
        best = int(np.argmax(scores))
        return best if scores[best] >= self._min_score else 0


def rotate_back(faces: Detections, quarters: int, width: int, height: int) -> Detections:
    """Map faces found in `np.rot90(picture, quarters)` to that picture; `width` and `height` are its own, in pixels."""
    corners = _points_back(faces.boxes_xyxy.reshape(-1, 2, 2), quarters, width, height)
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    return Detections(boxes, faces.scores, _points_back(faces.points_xy, quarters, width, height))


def _turned(picture: Rgb, quarters: int) -> Rgb:
    return np.ascontiguousarray(np.rot90(picture, quarters))


def _points_back(
    points_xy: Float32[np.ndarray, "n p 2"], quarters: int, width: int, height: int
) -> Float32[np.ndarray, "n p 2"]:
    x, y = points_xy[..., 0], points_xy[..., 1]
    right, bottom = width - 1, height - 1
    there = ((x, y), (right - y, x), (right - x, bottom - y), (y, bottom - x))[quarters % 4]
    return float32(np.stack(there, -1))
