"""RetinaFace with a MobileNet 0.25 body: the default detector."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, RgbBatch, float32
from faceloom.faces.detections import Detections
from faceloom.onnx_session import open_face_model
from faceloom.weights import RETINAFACE_MOBILENET

# The mean color of the pictures it was trained on.
_MEAN_BGR = (104, 117, 123)


class RetinaFace:
    """The vendored network, on batches of pictures of one size.

    Pictures are shrunk so that their longer side is at most `longest_side`: the network's
    smallest anchor is 16 px, so faces down to about 1/40 of the picture's side are found.
    """

    def __init__(
        self,
        longest_side: int = 640,
        min_score: float = 0.6,
        max_overlap: float = 0.4,
        threads: int = 0,
    ):
        self._session = open_face_model(RETINAFACE_MOBILENET, threads)
        self._longest_side = longest_side
        self._min_score = min_score
        self._max_overlap = max_overlap

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture. All pictures must have the same height and width."""
        if not pictures:
            return []
        height, width = pictures[0].shape[:2]
        scale = min(1.0, self._longest_side / max(height, width))
        size_wh = max(1, round(width * scale)), max(1, round(height * scale))
        batch = np.stack([cv2.resize(p, size_wh, interpolation=cv2.INTER_AREA) for p in pictures])
        deltas, scores, points = self._session.run(None, {"input": _network_input(batch)})
        anchors = _anchors(size_wh[1], size_wh[0])
        to_picture = float32([width / size_wh[0], height / size_wh[1]])
        return [
            self._decode(anchors, *outputs, to_picture)
            for outputs in zip(deltas, scores[:, :, 1], points, strict=True)
        ]

    def _decode(
        self,
        anchors: Float32[np.ndarray, "a 4"],
        deltas: Float32[np.ndarray, "a 4"],
        scores: Float32[np.ndarray, "a"],
        points: Float32[np.ndarray, "a 10"],
        to_picture: Float32[np.ndarray, "2"],
    ) -> Detections:
        """Turn the network's offsets into pixels (SSD box coding, variances 0.1 and 0.2) and drop doubles."""
        sure = scores > self._min_score
        anchors, deltas, scores, points = anchors[sure], deltas[sure], scores[sure], points[sure]
        center_xy, size_wh = anchors[:, :2], anchors[:, 2:]
        middle = center_xy + 0.1 * deltas[:, :2] * size_wh
        half = size_wh * np.exp(0.2 * deltas[:, 2:]) / 2
        boxes = np.concatenate([middle - half, middle + half], 1).reshape(-1, 2, 2) * to_picture
        points_xy = center_xy[:, None] + 0.1 * points.reshape(-1, 5, 2) * size_wh[:, None]
        found = Detections(boxes.reshape(-1, 4), scores, points_xy * to_picture)
        return found.with_nms(self._max_overlap)


def _network_input(batch: RgbBatch) -> Float32[np.ndarray, "n 3 h w"]:
    """RGB 0..255 NHWC -> BGR minus the training set's mean, NCHW; OpenCV's own function takes five times as long."""
    count, height, width, _ = batch.shape
    planes = np.empty((count, 3, height, width), np.float32)
    for place, mean in enumerate(_MEAN_BGR):
        np.subtract(batch[..., 2 - place], np.float32(mean), out=planes[:, place])
    return planes


@lru_cache(maxsize=8)
def _anchors(height: int, width: int) -> Float32[np.ndarray, "a 4"]:
    """Center x, y and size w, h of the network's anchors in pixels, in its output order."""
    levels = []
    for stride, sizes in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        rows, columns = np.mgrid[: -(-height // stride), : -(-width // stride)]
        centers = np.stack([columns, rows], -1).reshape(-1, 1, 2) * stride + stride / 2
        centers = np.broadcast_to(centers, (len(centers), 2, 2))
        sides = np.broadcast_to(float32(sizes).reshape(1, 2, 1), centers.shape)
        levels.append(np.concatenate([centers, sides], -1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)
