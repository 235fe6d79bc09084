"""How often each face of a set is sampled: rare poses and small sources more often."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.faceset import FaceRow

# Size of a pose bin in degrees.
_YAW_BIN = 15
_PITCH_BIN = 10
# Largest weight relative to the mean: a face alone in its pose bin may be a wrong detection and
# must not dominate the training.
_MAX_WEIGHT = 4
# Iterations of raking; the weights converge in fewer.
_ITERATIONS = 10


def balanced_weights(
    rows: Sequence[FaceRow], balance: float, *, mirrored: bool
) -> Float32[np.ndarray, " n"]:
    """Compute sampling weights by raking (iterative proportional fitting).

    Args:
        rows: The faces.
        balance: 0: all faces alike; 1: every pose bin and every source equally often; between:
            powers of the weights. No weight exceeds `_MAX_WEIGHT` times the mean.
        mirrored: Whether faces are mirrored in training, so that a pose and its mirror image share
            a bin.

    Returns:
        A weight for each face.
    """
    yaws = np.array([row.pose.yaw for row in rows])
    pitches = np.array([row.pose.pitch for row in rows])
    yaws = np.abs(yaws) if mirrored else yaws
    poses = np.stack([yaws // _YAW_BIN, pitches // _PITCH_BIN], axis=1)
    pose_bins = np.unique(poses, axis=0, return_inverse=True)[1].reshape(-1)
    files = np.unique([row.file for row in rows], return_inverse=True)[1]
    weights = np.ones(len(rows))
    # Balancing one property unbalances the other, less in each iteration.
    for bins in (pose_bins, files) * _ITERATIONS:
        weights /= np.bincount(bins, weights)[bins]
    weights **= balance
    return float32(np.minimum(weights / weights.mean(), _MAX_WEIGHT))
