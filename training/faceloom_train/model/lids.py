"""Lids that move further in predictions than the decoder has learned.

A decoder moves lids less than the footage does: the face mesh network, whose landmarks supervise
the displacements, sees shut eyes half open, and a lid is a few pixels high. In predictions, though
not in training, the local part of the displacements around the eyes is therefore amplified. What
the eyes' surroundings share, such as the motion of a turning head, is not.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32
from keras import ops

from faceloom.array_types import float32
from faceloom.faces.alignment import CropGeometry
from faceloom_train.model.losses import eyes_map

# Side of the window whose mean is the shared part of a displacement, in sides of the crop: the
# width of an eye.
_WINDOW = 0.14
# Factor of the eyes' map, which is then cut off at 1: 1 on the lids, a half at the brows' lower
# edge.
_PLATEAU = 2.0


def lids_emphasis(crop: CropGeometry, gain: float) -> Float32[np.ndarray, "1 s s 1"]:
    """Return by how much the local part of each displacement grows.

    Args:
        crop: Geometry of the crops.
        gain: How much further the lids move, 1 or more.

    Returns:
        `gain` - 1 on the eyes of an aligned crop, falling off to 0.
    """
    return float32((gain - 1) * np.clip(_PLATEAU * eyes_map(crop), 0, 1))


def emphasize_lids(shift: Any, emphasis: Float32[np.ndarray, "1 s s 1"]) -> Any:
    """Amplify the local part of displacements.

    Args:
        shift: Displacements [n, k, k, 2], where k divides the crop's side.
        emphasis: By how much; see `lids_emphasis`.

    Returns:
        Displacements of the same shape.
    """
    side = shift.shape[1]
    window = max(3, round(_WINDOW * side) | 1)
    shared = ops.average_pool(shift, window, 1, padding="same")
    block = emphasis.shape[1] // side
    cells = emphasis.reshape(1, side, block, side, block, 1).mean((2, 4))
    return shift + cells * (shift - shared)
