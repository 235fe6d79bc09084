"""Similarity of a face set's faces: to its center, and to each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt64

from faceloom.array_types import float32
from faceloom.faces.face_recognition import unit_vectors
from faceloom.faceset.hash_index import HashIndex
from faceloom.faceset.schema import FaceRow

# Cosine of the centers of two people's faces from which they are the same person. Halves of one
# person's footage reach 0.91 to 0.96, a bundle of the sample 0.87 to 0.95 with its own person, and
# different people up to 0.18. A single face is noisier: see SAME_PERSON_SIMILARITY.
SAME_PERSON_CENTERS = 0.6
# Two faces are near-duplicates if their perceptual hashes differ in at most so many of 64 bits. In
# rendered footage every fifth frame differs from the previous one by 8 (median), those of different
# shots by 26.
_HASH_BITS = 4
# Near-duplicates differ by at most so many degrees of yaw, pitch and roll.
_POSE_DEGREES = 3.0
# Near-duplicates differ by at most so much in the opening of eyes and mouth: a blink, which lowers
# the eye opening of some people by only 0.05, is not a duplicate.
_OPENING = float32([0.04, 0.06])


def center_of(embeddings: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "k"]:
    """Compute a robust center of embeddings: the mean of the half that is nearest to the mean.

    A few faces of other people thus hardly move it.

    Args:
        embeddings: Unit vectors.

    Returns:
        A unit vector.
    """
    cosines = embeddings @ unit_vectors(embeddings.mean(0))
    return unit_vectors(embeddings[cosines >= np.median(cosines)].mean(0))


def similarities(embeddings: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "n"]:
    """Compute each embedding's cosine to the center.

    Args:
        embeddings: Unit vectors.

    Returns:
        Cosines, -1 to 1.
    """
    return float32(embeddings @ center_of(embeddings))


@dataclass(frozen=True, slots=True)
class FaceLooks:
    """What near-duplicates of n faces share, one column per property."""

    hashes: UInt64[np.ndarray, "n"]
    """Perceptual hashes, see Quality."""
    poses: Float32[np.ndarray, "n 3"]
    """Yaw, pitch and roll in degrees."""
    openings: Float32[np.ndarray, "n 2"]
    """Openings of eyes and mouth, see Quality."""
    sharpness: Float64[np.ndarray, "n"]
    """See Quality."""

    @classmethod
    def of(cls, rows: Sequence[FaceRow]) -> "FaceLooks":
        """Collect the columns.

        Args:
            rows: The faces.
        """
        poses = [[row.pose.yaw, row.pose.pitch, row.pose.roll] for row in rows]
        openings = [[row.quality.eyes_open, row.quality.mouth_open] for row in rows]
        return cls(
            np.array([int(row.quality.hash, 16) for row in rows], np.uint64),
            float32(poses).reshape(-1, 3),
            float32(openings).reshape(-1, 2),
            np.array([row.quality.sharpness for row in rows], np.float64),
        )


def near_duplicates(rows: Sequence[FaceRow]) -> Bool[np.ndarray, "n"]:
    """Find near-duplicates; of similar faces the sharpest one is kept.

    Args:
        rows: The faces.

    Returns:
        Whether each face is a near-duplicate of one that is kept.
    """
    return np.asarray(near_duplicate_groups(FaceLooks.of(rows)) != np.arange(len(rows)), bool)


def near_duplicate_groups(looks: FaceLooks) -> Int64[np.ndarray, "n"]:
    """Group near-duplicates around the sharpest face of each group.

    Args:
        looks: The faces.

    Returns:
        The index of the face that is kept for each face: its own if it is kept itself.
    """
    groups = np.arange(len(looks.hashes), dtype=np.int64)
    order = np.argsort(-looks.sharpness, kind="stable")
    kept = HashIndex(looks.hashes[order], _HASH_BITS)
    for position, index in enumerate(order.tolist()):
        others = order[kept.find(position)]
        alike = _alike(looks, index, others) if len(others) else others
        if len(alike):
            groups[index] = alike[0]
        else:
            kept.add(position)
    return groups


def _alike(looks: FaceLooks, index: int, others: np.ndarray) -> np.ndarray:
    """Return those of `others` whose pose and openings are those of a face."""
    angles = np.abs(looks.poses[others] - looks.poses[index])
    openings = np.abs(looks.openings[others] - looks.openings[index])
    alike: np.ndarray = others[(angles <= _POSE_DEGREES).all(1) & (openings <= _OPENING).all(1)]
    return alike
