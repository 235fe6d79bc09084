"""Faces on heads that lie on their side or are upside down.

Detectors find such heads, but put the points where an upright head has them: on 120 frames of the
sample clips rotated by 90, 180 and 270 degrees, RetinaFace's points are wrong by a third of the
face in 60, 106 and 46. So an empty result is not the only sign of a rotated head. YuNet decides
which rotation is upright: its score was the highest of the four there in 239 of 239 pictures,
synthetic and real; RetinaFace's, near 1 for every rotation, was misleading in 7 of 48.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, Rgb, float32
from faceloom.faces.detect import Detections, Detector
from faceloom.faces.yunet import YuNet

# Mean distance of a detector's points from the mesh's, as a fraction of their extent. On 102
# frames, synthetic and real, 98 upright ones are below; of those rotated by 90, 180 and 270 degrees
# 89, 97 and 81 are above (in 5 more no face was found).
_MAX_DISAGREEMENT = 0.1


def looks_rotated(detected_xy: Points, mesh_xy: Points, limit: float = _MAX_DISAGREEMENT) -> bool:
    """Return whether a detector and the mesh disagree so much that the head may be rotated.

    Args:
        detected_xy: The detector's five points.
        mesh_xy: The mesh's five points.
        limit: Mean distance that counts as disagreement, as a fraction of the points' extent.

    Returns:
        True if the points disagree.
    """
    extent = np.linalg.norm(detected_xy.max(0) - detected_xy.min(0))
    distance = np.linalg.norm(detected_xy - mesh_xy, axis=1).mean()
    return bool(distance > limit * extent)


class RotatedFaceDetector:
    """A detector for heads at any roll: it detects in the one of four rotations that is upright.

    It costs four more detections, so it is for pictures where the detector alone finds nothing, or
    where what it finds `looks_rotated`.
    """

    def __init__(
        self,
        detector: Detector,
        orientation_detector: Detector | None = None,
        min_score: float = 0.7,
    ):
        """Combine two detectors.

        Args:
            detector: Detects the faces in the upright rotation.
            orientation_detector: The upright rotation is the one with its best score; YuNet if
                None.
            min_score: Score of `orientation_detector` below which a picture is not rotated, 0..1.
        """
        self._detector = detector
        self._orientation_detector = orientation_detector
        self._min_score = min_score

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first.

        The points keep their meaning: the first is the eye that is left when the head is upright,
        so it is right of the second on a head upside down. All faces of a picture are detected at
        the same rotation.

        Args:
            pictures: Pictures of any size.

        Returns:
            The detections of each picture, in pixels of the picture before rotation.
        """
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Rgb) -> Detections:
        # Opened at the first use: most footage never needs it.
        self._orientation_detector = self._orientation_detector or YuNet()
        rotations = [_rotate(picture, quarters) for quarters in range(4)]
        candidates = [self._orientation_detector.detect([rotated])[0] for rotated in rotations]
        quarters = self._upright(candidates)
        faces = self._detector.detect([rotations[quarters]])[0]
        # Both networks ran on this rotation: a face that only the second found is a face.
        return rotate_back(
            faces if len(faces) else candidates[quarters],
            quarters,
            picture.shape[1],
            picture.shape[0],
        )

    def _upright(self, candidates: Sequence[Detections]) -> int:
        """Return the rotation, in quarters counterclockwise, that makes heads upright, or 0."""
        scores = [float(faces.scores.max(initial=0)) for faces in candidates]
        best = int(np.argmax(scores))
        return best if scores[best] >= self._min_score else 0


def rotate_back(faces: Detections, quarters: int, width: int, height: int) -> Detections:
    """Map faces that were detected in a rotated picture to the picture.

    Args:
        faces: Faces in `np.rot90(picture, quarters)`.
        quarters: Quarter turns counterclockwise.
        width: Width of `picture` in pixels.
        height: Height of `picture` in pixels.

    Returns:
        The faces in pixels of `picture`.
    """
    corners = _rotate_points_back(faces.boxes_xyxy.reshape(-1, 2, 2), quarters, width, height)
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    points_xy = _rotate_points_back(faces.points_xy, quarters, width, height)
    return Detections(boxes, faces.scores, points_xy)


def _rotate(picture: Rgb, quarters: int) -> Rgb:
    return np.ascontiguousarray(np.rot90(picture, quarters))


def _rotate_points_back(
    points_xy: Float32[np.ndarray, "n p 2"], quarters: int, width: int, height: int
) -> Float32[np.ndarray, "n p 2"]:
    x, y = points_xy[..., 0], points_xy[..., 1]
    right, bottom = width - 1, height - 1
    rotated = ((x, y), (right - y, x), (right - x, bottom - y), (y, bottom - x))[quarters % 4]
    return float32(np.stack(rotated, -1))
