"""Detected faces, and the steps that all detectors share."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int

from faceloom.array_types import Rgb, float32


@dataclass(frozen=True, slots=True)
class Detections:
    """The detected faces of one picture as columns; n is 0 for no face."""

    boxes_xyxy: Float32[np.ndarray, "n 4"]
    """Left, top, right and bottom in pixels."""
    scores: Float32[np.ndarray, "n"]
    """Confidence, 0..1, best first."""
    points_xy: Float32[np.ndarray, "n 5 2"]
    """Eye left in the picture, eye right, nose tip, mouth corner left, mouth corner right."""

    @classmethod
    def empty(cls) -> "Detections":
        """Return the detections of a picture without a face."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
        )

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, which: Int[np.ndarray, "m"] | Bool[np.ndarray, "n"]) -> "Detections":
        """Return some of the faces.

        Args:
            which: Indices, or a boolean mask.

        Returns:
            The faces at the indices, or where the mask is true.
        """
        return Detections(self.boxes_xyxy[which], self.scores[which], self.points_xy[which])

    def with_nms(self, max_overlap: float) -> "Detections":
        """Apply non-maximum suppression.

        Args:
            max_overlap: Intersection over union above which two boxes are of one face.

        Returns:
            The face with the highest score of each group of overlapping ones, best first.
        """
        corners, sides = self.boxes_xyxy[:, :2], self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]
        boxes_xywh = np.concatenate([corners, sides], 1)
        indices = cv2.dnn.NMSBoxes(boxes_xywh.tolist(), self.scores.tolist(), 0.0, max_overlap)
        return self.select(np.asarray(indices, np.int64).reshape(-1))


@dataclass(frozen=True, slots=True)
class Shrink:
    """How pictures are shrunk to a detector's input; they are never enlarged."""

    size_wh: tuple[int, int]
    """Width and height of the shrunk picture in pixels."""
    to_picture: Float32[np.ndarray, "2"]
    """Pixels of the picture for one pixel of the shrunk one, in x and y."""

    @classmethod
    def to_fit(cls, height: int, width: int, longest_side: int) -> "Shrink":
        """Return how to shrink a picture until its longer side is at most `longest_side`.

        Args:
            height: Height of the picture in pixels.
            width: Width of the picture in pixels.
            longest_side: Longer side of the shrunk picture in pixels.

        Returns:
            The sizes.
        """
        scale = min(1.0, longest_side / max(height, width))
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        return cls(size_wh, float32([width / size_wh[0], height / size_wh[1]]))

    def __call__(self, picture: Rgb) -> Rgb:
        """Shrink a picture."""
        return cv2.resize(picture, self.size_wh, interpolation=cv2.INTER_AREA)


def decode_boxes(
    center_xy: Float32[np.ndarray, "n 2"],
    half_size_wh: Float32[np.ndarray, "n 2"],
    to_picture: Float32[np.ndarray, "2"],
) -> Float32[np.ndarray, "n 4"]:
    """Turn centers and half sizes into boxes in pixels of the picture.

    Args:
        center_xy: Centers in pixels of the detector's input.
        half_size_wh: Half widths and heights in pixels of the detector's input.
        to_picture: See `Shrink`.

    Returns:
        Left, top, right and bottom.
    """
    corners = np.stack([center_xy - half_size_wh, center_xy + half_size_wh], 1)
    return float32((corners * to_picture).reshape(-1, 4))
