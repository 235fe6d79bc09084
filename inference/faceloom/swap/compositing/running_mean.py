"""Running means of what is measured in the frames of a track."""

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.swap.selection.track_state import TrackArrays

# Smallest weight of a new frame in the running mean of a color.
MIN_COLOR_WEIGHT = 0.5
# Mean change, in levels of 255, at which a new frame replaces the running mean: a lamp.
_FULL_WEIGHT_CHANGE = 6.0


def update_running_mean(
    name: str, current: np.ndarray, state: TrackArrays, min_weight: float = MIN_COLOR_WEIGHT
) -> Float32[np.ndarray, "..."]:
    """Update a running mean; a large change replaces it at once.

    Args:
        name: The running mean's name in the state.
        current: What the new frame shows, in levels of 255.
        state: The arrays of the face's track, which are updated.
        min_weight: Smallest weight of the new frame, 0..1.

    Returns:
        The running mean, of the shape of `current`.
    """
    before = state.get(name, current)
    if before.shape != current.shape:
        before = current
    change = current - before
    weight = min(max(float(np.abs(change).mean() / _FULL_WEIGHT_CHANGE), min_weight), 1)
    state[name] = float32(before + weight * change)
    return state[name]
