"""Read pictures between their pixels."""

from typing import Any

import numpy as np
from keras import ops


def read_linearly(pixels: Any, side: int, x: Any, y: Any, first: Any = 0) -> Any:
    """Read square pictures at places x, y [...] in pixels, from their four neighbors; beyond the rim as at it.

    pixels: [p, c], numbers of any kind, the rows of one picture after the other's. first: the place in `pixels` of the
    top left of the picture that is read. Returns float32 [..., c].
    """
    (left, right), (up, down) = (_between(along, side) for along in (x, y))
    index = first + up * side + left

    def at(offset: int) -> Any:
        return ops.cast(ops.take(pixels, index + offset, axis=0), "float32")

    upper, lower = _mixed(at(0), at(1), right), _mixed(at(side), at(side + 1), right)
    return _mixed(upper, lower, down)


def spread_linearly(knots: Any, places: np.ndarray) -> Any:
    """Spread a grid of values [n, k, k, c] linearly over places [s] in knots, both ways: [n, s, s, c]."""
    _, _, side, channels = knots.shape
    weights = np.float32(np.clip(1 - np.abs(places[:, None] - np.arange(side)), 0, 1))
    # Products of matrices, which every runtime of ONNX has; einsum becomes transpositions that OpenVINO refuses.
    rows = ops.matmul(weights, ops.reshape(knots, (-1, side, side * channels)))
    return ops.matmul(weights, ops.reshape(rows, (-1, len(places), side, channels)))


def enlarged(x: Any, side: int) -> Any:
    """Enlarge square pictures [n, k, k, c] linearly to [n, side, side, c]."""
    knots = (np.arange(side, dtype=np.float32) + 0.5) * x.shape[1] / side - 0.5
    return spread_linearly(x, np.clip(knots, 0, x.shape[1] - 1))


def _between(along: Any, side: int) -> tuple[Any, Any]:
    """The pixel before a place, and how far [..., 1] the place lies toward the next."""
    pixel = ops.clip(along, 0, side - 1.001)
    before = ops.floor(pixel)
    return ops.cast(before, "int32"), (pixel - before)[..., None]


def _mixed(a: Any, b: Any, share: Any) -> Any:
    return a + (b - a) * share
