"""The value every detector returns, and what all of them do to get there."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int


@dataclass(frozen=True, slots=True)
class Detections:
    """The faces of one picture as columns; no face at all is n = 0.

    boxes_xyxy: left, top, right, bottom in pixels. points_xy: eye left in the picture, eye
    right, nose tip, mouth corner left, mouth corner right. scores: 0..1, best first.
    """

    boxes_xyxy: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, "n"]
    points_xy: Float32[np.ndarray, "n 5 2"]

    @classmethod
    def empty(cls) -> "Detections":
        """Return the faces of a picture without any."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
        )

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, which: Int[np.ndarray, "m"] | Bool[np.ndarray, "n"]) -> "Detections":
        """Return the faces at the given indices, or those where a mask is true."""
        return Detections(self.boxes_xyxy[which], self.scores[which], self.points_xy[which])

    def largest_first(self) -> "Detections":
        """Return the same faces ordered by the area of their boxes."""
        sides = self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]
        return self.select(np.argsort(-sides.prod(1)))

    def with_nms(self, max_overlap: float) -> "Detections":
        """Return the best of each group whose boxes' intersection over union exceeds `max_overlap`, best first."""
        corners, sides = self.boxes_xyxy[:, :2], self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]
        boxes_xywh = np.concatenate([corners, sides], 1)
        kept = cv2.dnn.NMSBoxes(boxes_xywh.tolist(), self.scores.tolist(), 0.0, max_overlap)
        return self.select(np.asarray(kept, np.int64).reshape(-1))
