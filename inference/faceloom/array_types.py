"""Array types that modules share. RGB everywhere; BGR only where a library asks for it.

Sizes are unnamed, since a function may take an image of one size and return one of another.
"""

from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Float32, Shaped, UInt8

# An RGB image, 0 to 255.
Rgb: TypeAlias = UInt8[np.ndarray, "_ _ 3"]
# An image of any channels and type of number.
Picture: TypeAlias = Shaped[np.ndarray, "_ _ *channels"]
# A soft mask of an image, 0 (outside) to 255 (inside).
Mask: TypeAlias = UInt8[np.ndarray, "_ _"]
# The weight of every pixel of an image, 0 to 1.
Weights: TypeAlias = Float32[np.ndarray, "_ _"]
# Images of one size.
RgbBatch: TypeAlias = UInt8[np.ndarray, "_ _ _ 3"]
MaskBatch: TypeAlias = UInt8[np.ndarray, "_ _ _"]
# Points in pixels, x to the right and y down. The center of the first pixel is (0, 0), as in
# OpenCV.
Points: TypeAlias = Float32[np.ndarray, "_ 2"]
# An affine map p -> M[:, :2] p + M[:, 2], in the units of Points.
Affine: TypeAlias = Float32[np.ndarray, "2 3"]


def float32(values: Any) -> Float32[np.ndarray, "..."]:
    """Convert to float32, without a copy if it is float32 already.

    Args:
        values: An array or anything that NumPy converts to one.
    """
    return np.asarray(values, np.float32)


def to_uint8(values: Float[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """Round to integers and clip to 0..255.

    Args:
        values: Any shape.
    """
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
