"""The array types that cross module borders. RGB everywhere; BGR only at a library's edge.

Sizes are left open, as a function may take a picture of one size and return one of another.
"""

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Float32, UInt8

# A picture, RGB, 0..255.
Rgb: TypeAlias = UInt8[np.ndarray, "_ _ 3"]
# A soft mask of a picture, 0 (outside) to 255 (inside).
Mask: TypeAlias = UInt8[np.ndarray, "_ _"]
# Pictures of one size.
RgbBatch: TypeAlias = UInt8[np.ndarray, "_ _ _ 3"]
MaskBatch: TypeAlias = UInt8[np.ndarray, "_ _ _"]
# Points in pixels, x to the right and y down; the center of the first pixel is (0, 0), as in OpenCV.
Points: TypeAlias = Float32[np.ndarray, "_ 2"]
# An affine map p -> M[:, :2] p + M[:, 2], in the units of Points.
Affine: TypeAlias = Float32[np.ndarray, "2 3"]


def float32(values: Any) -> Float32[np.ndarray, "..."]:
    """Return an array of float32, without a copy where it is one already."""
    return np.asarray(values, np.float32)


def to_uint8(values: Float[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """Round to whole levels and cut to 0..255."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
