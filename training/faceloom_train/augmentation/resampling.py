"""Bilinear interpolation with operations that every backend and ONNX runtime has."""

from typing import Any

import numpy as np
from keras import ops


def sample_bilinear(pixels: Any, side: int, x: Any, y: Any, first: Any = 0) -> Any:
    """Sample square images at fractional pixel coordinates; outside, the edge is repeated.

    Args:
        pixels: Pixels of all images [p, c] in row-major order, of any dtype.
        side: Side of an image in pixels.
        x: Horizontal coordinates [...], in pixels.
        y: Vertical coordinates [...], in pixels.
        first: Index in `pixels` of the top left pixel of the image to sample, broadcastable to
            [...].

    Returns:
        float32 [..., c].
    """
    (left, right), (top, bottom) = (_floor_and_fraction(values, side) for values in (x, y))
    index = first + top * side + left

    def at(offset: int) -> Any:
        return ops.cast(ops.take(pixels, index + offset, axis=0), "float32")

    upper, lower = _mix(at(0), at(1), right), _mix(at(side), at(side + 1), right)
    return _mix(upper, lower, bottom)


def interpolate_grid(grid: Any, positions: np.ndarray) -> Any:
    """Interpolate a square grid of values linearly in both directions.

    Args:
        grid: Values [n, k, k, c].
        positions: Positions [s] along either axis, 0 to k - 1.

    Returns:
        Values [n, s, s, c].
    """
    _, _, side, channels = grid.shape
    weights = np.float32(np.clip(1 - np.abs(positions[:, None] - np.arange(side)), 0, 1))
    # Matrix products, which every ONNX runtime has: einsum becomes transpositions that OpenVINO
    # rejects.
    rows = ops.matmul(weights, ops.reshape(grid, (-1, side, side * channels)))
    return ops.matmul(weights, ops.reshape(rows, (-1, len(positions), side, channels)))


def resize_bilinear(x: Any, side: int) -> Any:
    """Enlarge square images.

    Args:
        x: Images [n, k, k, c].
        side: The new side s in pixels.

    Returns:
        Images [n, s, s, c].
    """
    positions = (np.arange(side, dtype=np.float32) + 0.5) * x.shape[1] / side - 0.5
    return interpolate_grid(x, np.clip(positions, 0, x.shape[1] - 1))


def _floor_and_fraction(values: Any, side: int) -> tuple[Any, Any]:
    """The pixel before a coordinate, and the fraction [..., 1] of the way to the next."""
    pixel = ops.clip(values, 0, side - 1.001)
    before = ops.floor(pixel)
    return ops.cast(before, "int32"), (pixel - before)[..., None]


def _mix(a: Any, b: Any, fraction: Any) -> Any:
    return a + (b - a) * fraction
