"""How often each face of a set is drawn: rare poses and small sources oftener than they are there."""

from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.faceset import FaceRow

# Degrees of a pose that counts as one.
_YAW, _PITCH = 15, 10
# A face that is alone with its pose may be a wrong one: it must not be seen all the time.
_MOST = 4
_ROUNDS = 10


def balanced_weights(
    rows: Sequence[FaceRow], balance: float, *, mirrored: bool
) -> Float32[np.ndarray, " n"]:
    """Return a weight for each face.

    `balance` 0: all alike; 1: all poses (yaw x pitch) alike and all sources alike, but for `_MOST` times the
    average at the most. `mirrored`: faces are mirrored in training, so that a pose is there as often as its mirror.
    """
    yaws = np.array([row.pose.yaw for row in rows])
    yaws = np.abs(yaws) if mirrored else yaws
    poses = _numbered(
        [(yaw // _YAW, row.pose.pitch // _PITCH) for yaw, row in zip(yaws, rows, strict=True)]
    )
    sources = _numbered([row.source for row in rows])
    weights = np.ones(len(rows))
    # Raking: evening out one of them upsets the other, but less each time.
    for kinds in (poses, sources) * _ROUNDS:
        weights /= np.bincount(kinds, weights)[kinds]
    weights **= balance
    return float32(np.minimum(weights / weights.mean(), _MOST))


def _numbered(kinds: Sequence[Hashable]) -> np.ndarray:
    numbers = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
    return np.array([numbers[kind] for kind in kinds])
