"""Lids that move further in predictions than the decoder has learned.

A decoder moves lids less than the footage does. In predictions, though not in training, the local
part of the displacements around the eyes is therefore amplified. What the eyes' surroundings share,
such as the motion of a turning head, is not.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32
from keras import ops

from faceloom.array_types import float32
from faceloom.faces.alignment import CropGeometry
from faceloom_train.model.losses import eyes_map

# Side of the window whose mean is the shared part of a displacement, in sides of the crop: the
# width of an eye at a coverage of 0.86, that of the presets with a gain.
_WINDOW = 0.14
# Factor of the eyes' map, which is then cut off at 1: 1 within 1.2 standard deviations of an eye's
# center, a half at 1.7.
_MAP_FACTOR = 2.0


def lids_gain_map(crop: CropGeometry, gain: float) -> Float32[np.ndarray, "1 s s 1"]:
    """Return the gain of the lids' displacements, less 1.

    Args:
        crop: Geometry of the crops.
        gain: How much further the lids move, 1 or more.

    Returns:
        `gain` - 1 on the eyes of an aligned crop, falling off to 0.
    """
    return float32((gain - 1) * np.clip(_MAP_FACTOR * eyes_map(crop), 0, 1))


def amplify_lids(shift: Any, gain_map: Float32[np.ndarray, "1 s s 1"]) -> Any:
    """Amplify the local part of displacements.

    Args:
        shift: Displacements [n, k, k, 2], where k divides the crop's side.
        gain_map: The gain, less 1; see `lids_gain_map`.

    Returns:
        Displacements of the same shape.
    """
    side = shift.shape[1]
    window = max(3, round(_WINDOW * side) | 1)
    shared = ops.average_pool(shift, window, 1, padding="same")
    block = gain_map.shape[1] // side
    cells = gain_map.reshape(1, side, block, side, block, 1).mean((2, 4))
    return shift + cells * (shift - shared)
