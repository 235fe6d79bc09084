"""How many different faces a face set needs, and whether more frames of its footage add some."""

import math

import numpy as np
from jaxtyping import Bool

from faceloom.faceset.store import FaceSet

# Different faces below which a swap is poor: few poses and mouth shapes are learned.
MIN_DIFFERENT_FACES = 50
# Different faces from which a review has no advice; the demo's sample has about a hundred.
ENOUGH_DIFFERENT_FACES = 80
# Share of near-duplicates that is worth noting; more frames of such footage add more of them.
MANY_DUPLICATES = 0.2


def used_every(faces: FaceSet) -> int:
    """Return K if at least every K-th frame of each video was used, as the faces' frames show.

    Args:
        faces: The face set.

    Returns:
        K; 1 if more frames cannot be used.
    """
    frames: dict[int, set[int]] = {}
    for row in faces.rows:
        if row.file < len(faces.files) and faces.files[row.file].kind == "video":
            frames.setdefault(row.file, set()).add(row.frame)
    steps = [_step(indices) for indices in frames.values() if len(indices) > 1]
    return max(1, min(steps, default=1))


def _step(frames: set[int]) -> int:
    """Return the largest K such that every frame is a multiple of K after the first."""
    first = min(frames)
    return math.gcd(*(frame - first for frame in frames))


def more_frames_help(every: int, duplicate: Bool[np.ndarray, "n"]) -> bool:
    """Return whether extracting with a smaller --every adds different faces.

    Args:
        every: See `used_every`.
        duplicate: Which faces are near-duplicates of another one.
    """
    return every > 1 and float(duplicate.mean()) < MANY_DUPLICATES
