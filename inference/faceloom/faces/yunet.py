"""YuNet (March 2023): a seventh of RetinaFace's weights, reliable on frontal faces."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32
from faceloom.faces.detections import Detections, Shrink, decode_boxes
from faceloom.onnx_session import open_face_model
from faceloom.weights import YUNET

# Side in pixels of the graph's fixed square input.
_SIDE = 640
# Pixels of the input for each cell of the three feature maps.
_STRIDES = (8, 16, 32)


class YuNet:
    """The vendored network, one picture a run (its graph has a fixed batch of one).

    Larger pictures are shrunk to fit 640 x 640, smaller ones are padded with black.
    """

    def __init__(self, min_score: float = 0.6, max_overlap: float = 0.3, threads: int = 0):
        """Open the network.

        Args:
            min_score: Confidence from which a face counts, 0..1.
            max_overlap: Intersection over union above which two boxes are of one face.
            threads: Threads of the network; 0 means one for each core.
        """
        self._session = open_face_model(YUNET, threads)
        self._min_score = min_score
        self._max_overlap = max_overlap
        self._outputs = [
            f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in _STRIDES
        ]
        self._cells = _cells()

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first.

        Args:
            pictures: Pictures of any size.

        Returns:
            The detections of each picture.
        """
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Rgb) -> Detections:
        height, width = picture.shape[:2]
        shrink = Shrink.to_fit(height, width, _SIDE)
        square = np.zeros((_SIDE, _SIDE, 3), np.uint8)
        square[: shrink.size_wh[1], : shrink.size_wh[0]] = shrink(picture)
        # BGR 0..255, NCHW, no mean subtracted.
        network_input = np.ascontiguousarray(float32(square[..., ::-1]).transpose(2, 0, 1)[None])
        outputs = self._session.run(self._outputs, {"input": network_input})
        classes, objects, boxes, points = (
            np.concatenate(outputs[n : n + 3], 1)[0] for n in (0, 3, 6, 9)
        )
        scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))[:, 0]
        return self._decode(scores, boxes, points, shrink.to_picture)

    def _decode(
        self,
        scores: Float32[np.ndarray, "a"],
        boxes: Float32[np.ndarray, "a 4"],
        points: Float32[np.ndarray, "a 10"],
        to_picture: Float32[np.ndarray, "2"],
    ) -> Detections:
        """Decode offsets, in units of each cell's stride from its corner, to pixels."""
        confident = scores > self._min_score
        corner_xy, stride = self._cells[confident, None, :2], self._cells[confident, None, 2:]
        boxes_xyxy = decode_boxes(
            corner_xy[:, 0] + boxes[confident, :2] * stride[:, 0],
            np.exp(boxes[confident, 2:]) * stride[:, 0] / 2,
            to_picture,
        )
        points_xy = (corner_xy + points[confident].reshape(-1, 5, 2) * stride) * to_picture
        return Detections(boxes_xyxy, scores[confident], points_xy).with_nms(self._max_overlap)


def _cells() -> Float32[np.ndarray, "a 3"]:
    """Return left, top and stride in pixels of the graph's cells, in its output order."""
    levels = []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: _SIDE // stride, : _SIDE // stride] * stride
        levels.append(np.stack([columns, rows, np.full_like(rows, stride)], -1).reshape(-1, 3))
    return float32(np.concatenate(levels))
