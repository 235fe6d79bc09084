"""YuNet (March 2023): a seventh of RetinaFace's weights, sure of frontal faces."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32
from faceloom.faces.detections import Detections
from faceloom.onnx_session import open_face_model
from faceloom.weights import YUNET

# The graph's input is fixed to this square.
_SIDE = 640
_STRIDES = (8, 16, 32)


class YuNet:
    """The vendored network, one picture a run (its graph has a fixed batch of one).

    Larger pictures are shrunk to fit 640 x 640, smaller ones are not enlarged: the rest stays black.
    """

    def __init__(self, min_score: float = 0.6, max_overlap: float = 0.3, threads: int = 0):
        self._session = open_face_model(YUNET, threads)
        self._min_score = min_score
        self._max_overlap = max_overlap
        self._outputs = [
            f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in _STRIDES
        ]
        self._cells = _cells()

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first."""
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Rgb) -> Detections:
        height, width = picture.shape[:2]
        scale = min(1.0, _SIDE / max(height, width))
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        square = np.zeros((_SIDE, _SIDE, 3), np.uint8)
        square[: size_wh[1], : size_wh[0]] = cv2.resize(
            picture, size_wh, interpolation=cv2.INTER_AREA
        )
        # BGR 0..255, NCHW, no mean taken off.
        network_input = np.ascontiguousarray(float32(square[..., ::-1]).transpose(2, 0, 1)[None])
        outputs = self._session.run(self._outputs, {"input": network_input})
        classes, objects, boxes, points = (
            np.concatenate(outputs[n : n + 3], 1)[0] for n in (0, 3, 6, 9)
        )
        scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))[:, 0]
        return self._decode(
            scores, boxes, points, float32([width / size_wh[0], height / size_wh[1]])
        )

    def _decode(
        self,
        scores: Float32[np.ndarray, "a"],
        boxes: Float32[np.ndarray, "a 4"],
        points: Float32[np.ndarray, "a 10"],
        to_picture: Float32[np.ndarray, "2"],
    ) -> Detections:
        """Turn what each cell says, in units of its stride from its corner, into pixels of the picture."""
        sure = scores > self._min_score
        corner_xy, stride = self._cells[sure, None, :2], self._cells[sure, None, 2:]
        middle = corner_xy[:, 0] + boxes[sure, :2] * stride[:, 0]
        half = np.exp(boxes[sure, 2:]) * stride[:, 0] / 2
        corners = np.stack([middle - half, middle + half], 1) * to_picture
        points_xy = (corner_xy + points[sure].reshape(-1, 5, 2) * stride) * to_picture
        return Detections(corners.reshape(-1, 4), scores[sure], points_xy).with_nms(
            self._max_overlap
        )


def _cells() -> Float32[np.ndarray, "a 3"]:
    """Left, top and stride, in pixels, of the graph's cells in its output order."""
    levels = []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: _SIDE // stride, : _SIDE // stride] * stride
        levels.append(np.stack([columns, rows, np.full_like(rows, stride)], -1).reshape(-1, 3))
    return float32(np.concatenate(levels))
