"""Whose face it is, on a scale from the untouched target to a real picture of the wanted person."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.compare.metrics import Series
from faceloom.faceset import FaceSet
from faceloom.faceset.similarity import center_of

# Identity vectors of a video's frames; NaN where there is no face.
Vectors = Float32[np.ndarray, "t 192"]

# A face set is cut into so many stretches; every other one is held out, so that no film judges itself.
_STRETCHES = 8
# Two people whose likeness to the wanted one differs by less cannot be told apart.
_LEAST_WAY = 0.05


@dataclass(frozen=True, slots=True)
class Likeness:
    """center: the wanted person. real: how like it held-out real pictures are (mean cosine)."""

    center: Float32[np.ndarray, "192"]
    real: float

    @classmethod
    def of(cls, faces: FaceSet) -> "Likeness":
        """Learn a person from half of a face set, and from the other half how like real pictures are."""
        stretches = np.array_split(faces.read_embeddings(), min(_STRETCHES, max(2, len(faces))))
        known, held_out = (np.concatenate(stretches[first::2]) for first in (0, 1))
        if not len(held_out):
            held_out = known
        center = center_of(known)
        return cls(center, float((held_out @ center).mean()))

    def share(self, vectors: Vectors, target: Vectors) -> Series:
        """Return for each frame 0 for as little like the person as the target is, 1 for as much as a real picture."""
        untouched = float(np.nanmean(target @ self.center))
        return float32((vectors @ self.center - untouched) / max(self.real - untouched, _LEAST_WAY))


def other_left(
    vectors: Vectors, target: Vectors, other: Float32[np.ndarray, "192"], wanted: Likeness
) -> Series:
    """Return how much of the target's own likeness is left: 1 untouched, 0 as little as the wanted person has."""
    floor = float(wanted.center @ other)
    whole = float(np.nanmean(target @ other))
    return float32((vectors @ other - floor) / max(whole - floor, _LEAST_WAY))


def share_of_truth(vectors: Vectors, target: Vectors, truth: Vectors) -> Series:
    """Return for each frame how much of the way from the target to the exact truth is gone: 1 is the truth itself.

    NaN where one of them shows no face.
    """
    likeness, untouched_likeness = (vectors * truth).sum(-1), (target * truth).sum(-1)
    known = np.isfinite(untouched_likeness)
    if not known.any():
        return np.full(len(vectors), np.nan, np.float32)
    untouched = float(untouched_likeness[known].mean())
    return float32((likeness - untouched) / max(1 - untouched, _LEAST_WAY))
