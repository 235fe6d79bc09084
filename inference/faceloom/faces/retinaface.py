"""RetinaFace with a MobileNet 0.25 backbone: the default detector."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, RgbBatch, float32
from faceloom.faces.detections import Detections, Shrink, decode_boxes
from faceloom.onnx_session import FaceModelOpener, open_face_model
from faceloom.weights import RETINAFACE_MOBILENET

# Mean color of the training set, 0..255.
_MEAN_BGR = (104, 117, 123)
# SSD box coding: variance of the offsets of centers and points.
_CENTER_VARIANCE = 0.1
# SSD box coding: variance of the logarithm of sizes.
_SIZE_VARIANCE = 0.2
# Stride of each feature map and the sizes of its two anchors, in pixels.
_ANCHOR_LEVELS = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))


class RetinaFace:
    """The vendored network, on batches of pictures of one size.

    Pictures are shrunk so that their longer side is at most `longest_side`: the network's smallest
    anchor is 16 pixels, so faces down to about 1/40 of the picture's side are found.
    """

    def __init__(
        self,
        longest_side: int = 640,
        min_score: float = 0.6,
        max_overlap: float = 0.4,
        threads: int = 0,
        open_model: FaceModelOpener | None = None,
    ):
        """Open the network.

        Args:
            longest_side: Longer side of the network's input in pixels.
            min_score: Confidence from which a face counts, 0..1.
            max_overlap: Intersection over union above which two boxes are of one face.
            threads: Threads of the network; 0 means one for each core.
            open_model: Opens the network; None opens it on the CPU.
        """
        self._session = (open_model or open_face_model)(RETINAFACE_MOBILENET, threads)
        self._longest_side = longest_side
        self._min_score = min_score
        self._max_overlap = max_overlap

    def detect(self, pictures: Sequence[Rgb]) -> list[Detections]:
        """Return the faces of each picture, best first.

        Args:
            pictures: Pictures of equal height and width.

        Returns:
            The detections of each picture.
        """
        if not pictures:
            return []
        height, width = pictures[0].shape[:2]
        shrink = Shrink.to_fit(height, width, self._longest_side)
        batch = np.stack([shrink(picture) for picture in pictures])
        deltas, scores, points = self._session.run(None, {"input": _network_input(batch)})
        anchors = _anchors(shrink.size_wh[1], shrink.size_wh[0])
        return [
            self._decode(anchors, *outputs, shrink.to_picture)
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
        """Decode the network's offsets (SSD box coding) to pixels of the picture."""
        confident = scores > self._min_score
        anchors, deltas, scores, points = (
            column[confident] for column in (anchors, deltas, scores, points)
        )
        center_xy, size_wh = anchors[:, :2], anchors[:, 2:]
        boxes = decode_boxes(
            center_xy + _CENTER_VARIANCE * deltas[:, :2] * size_wh,
            size_wh * np.exp(_SIZE_VARIANCE * deltas[:, 2:]) / 2,
            to_picture,
        )
        offsets = _CENTER_VARIANCE * points.reshape(-1, 5, 2) * size_wh[:, None]
        points_xy = (center_xy[:, None] + offsets) * to_picture
        return Detections(boxes, scores, points_xy).with_nms(self._max_overlap)


def _network_input(batch: RgbBatch) -> Float32[np.ndarray, "n 3 h w"]:
    """Convert RGB 0..255 NHWC to BGR minus the training set's mean, NCHW.

    OpenCV's `blobFromImages` takes five times as long.
    """
    count, height, width, _ = batch.shape
    planes = np.empty((count, 3, height, width), np.float32)
    for channel, mean in enumerate(_MEAN_BGR):
        np.subtract(batch[..., 2 - channel], np.float32(mean), out=planes[:, channel])
    return planes


@lru_cache(maxsize=8)
def _anchors(height: int, width: int) -> Float32[np.ndarray, "a 4"]:
    """Return center x, y and size w, h of the anchors in pixels, in the network's output order."""
    levels = []
    for stride, sizes in _ANCHOR_LEVELS:
        rows, columns = np.mgrid[: -(-height // stride), : -(-width // stride)]
        centers = np.stack([columns, rows], -1).reshape(-1, 1, 2) * stride + stride / 2
        centers = np.broadcast_to(centers, (len(centers), 2, 2))
        sides = np.broadcast_to(float32(sizes).reshape(1, 2, 1), centers.shape)
        levels.append(np.concatenate([centers, sides], -1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)
