"""Which faces of a set are alike: to its own center, and to each other."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, UInt64

from faceloom.array_types import float32
from faceloom.faceset.schema import FaceRow

# Two faces are near-duplicates if their hashes differ in at most this many of 64 bits. Every fifth frame of
# a film differs by 8 from the one before (the median over the synthetic people), of different shots by 26.
_HASH_BITS = 4
# ... and neither the pose (degrees) nor the openness of eyes and mouth differs by more: a blink is no duplicate, and
# takes no more than 0.05 from the eyes of some.
_POSE_DEGREES = 3.0
_OPENNESS = float32([0.04, 0.06])


def center_of(embeddings: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "k"]:
    """Return the unit vector in the middle of unit vectors, that of the half nearest to their mean.

    So that a few strangers do not pull it toward themselves.
    """
    first = _unit(embeddings.mean(0))
    likeness = embeddings @ first
    return _unit(embeddings[likeness >= np.median(likeness)].mean(0))


def similarities(embeddings: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "n"]:
    """Return each unit vector's cosine to the set's own center."""
    return float32(embeddings @ center_of(embeddings))


def near_duplicates(rows: Sequence[FaceRow]) -> Bool[np.ndarray, "n"]:
    """Tell for each face whether another one that is kept looks the same; of those alike the sharpest is kept."""
    hashes: UInt64[np.ndarray, "n"] = np.array(
        [int(row.quality.hash, 16) for row in rows], np.uint64
    )
    poses = float32([[row.pose.yaw, row.pose.pitch, row.pose.roll] for row in rows]).reshape(-1, 3)
    opens = float32([[row.quality.eyes_open, row.quality.mouth_open] for row in rows]).reshape(
        -1, 2
    )
    kept = np.zeros(len(rows), np.intp)
    count = 0
    duplicate = np.zeros(len(rows), bool)
    for number in sorted(range(len(rows)), key=lambda n: -rows[n].quality.sharpness):
        others = kept[:count]
        others = others[np.bitwise_count(hashes[others] ^ hashes[number]) <= _HASH_BITS]
        alike = (np.abs(poses[others] - poses[number]).max(1, initial=0) <= _POSE_DEGREES) & (
            np.abs(opens[others] - opens[number]) <= _OPENNESS
        ).all(1)
        if alike.any():
            duplicate[number] = True
        else:
            kept[count] = number
            count += 1
    return duplicate


def _unit(vector: Float32[np.ndarray, "k"]) -> Float32[np.ndarray, "k"]:
    return float32(vector / max(float(np.linalg.norm(vector)), 1e-9))
