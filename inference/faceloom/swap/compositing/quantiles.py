"""Quantiles of the pixels of a face."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64


def quantiles(
    values: Float32[np.ndarray, "n"], shares: Sequence[float]
) -> Float64[np.ndarray, "_"]:
    """Return quantiles with linear interpolation.

    The result of `numpy.quantile`, in a third of its time for the pixels of a face.

    Args:
        values: At least one value, in any order.
        shares: The share of the values below each quantile, 0 to 1.
    """
    places = (len(values) - 1) * np.asarray(shares, np.float64)
    below = places.astype(np.intp)
    above = np.minimum(below + 1, len(values) - 1)
    ordered = np.partition(values, sorted({*below.tolist(), *above.tolist()}))
    low, high = ordered[below], ordered[above]
    weights, distance = places - below, high - low
    # From the nearer of both values, since rounding grows with the distance.
    from_low, from_high = low + distance * weights, high - distance * (1 - weights)
    return np.asarray(np.where(weights < 0.5, from_low, from_high))
