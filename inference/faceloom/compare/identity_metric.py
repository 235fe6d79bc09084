"""Identity similarity, on a scale from the target to real pictures of the source identity."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.compare.metrics import Series
from faceloom.faceset import FaceSet
from faceloom.faceset.similarity import center_of

# Embeddings of a video's frames; NaN where there is no face.
Embeddings = Float32[np.ndarray, "t 192"]

# A face set is divided into this many runs of consecutive faces; every other one is held out, so
# that no video is measured by itself.
_FOLDS = 8
# Least range of the scale. Two people whose similarity to the source differs by less cannot be
# distinguished.
_LEAST_RANGE = 0.05


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """The source identity, learned from its face set."""

    center: Float32[np.ndarray, "192"]
    """Unit vector in the middle of its embeddings."""
    real_similarity: float
    """Mean similarity (cosine) of held-out real pictures to `center`."""

    @classmethod
    def from_faceset(cls, faces: FaceSet) -> "SourceIdentity":
        """Learn an identity from half of a face set and measure the other half against it.

        Args:
            faces: The face set.
        """
        folds = np.array_split(faces.read_embeddings(), min(_FOLDS, max(2, len(faces))))
        known, held_out = (np.concatenate(folds[first::2]) for first in (0, 1))
        if not len(held_out):
            held_out = known
        center = center_of(known)
        return cls(center, float((held_out @ center).mean()))

    def relative_similarity(self, embeddings: Embeddings, target: Embeddings) -> Series:
        """Return the similarity to this identity per frame.

        Args:
            embeddings: Embeddings of the version.
            target: Embeddings of the target.

        Returns:
            0 as similar as the target, 1 as similar as a real picture.
        """
        floor = float(np.nanmean(target @ self.center))
        span = max(self.real_similarity - floor, _LEAST_RANGE)
        return float32((embeddings @ self.center - floor) / span)


def remaining_target_identity(
    embeddings: Embeddings,
    target: Embeddings,
    target_center: Float32[np.ndarray, "192"],
    source: SourceIdentity,
) -> Series:
    """Return how much of the target's identity is left per frame.

    Args:
        embeddings: Embeddings of the version.
        target: Embeddings of the target.
        target_center: Unit vector of the person in the target.
        source: The source identity.

    Returns:
        1 as similar as the target itself, 0 as similar as the source identity.
    """
    floor = float(source.center @ target_center)
    own = float(np.nanmean(target @ target_center))
    return float32((embeddings @ target_center - floor) / max(own - floor, _LEAST_RANGE))


def relative_similarity_to_truth(
    embeddings: Embeddings, target: Embeddings, truth: Embeddings
) -> Series:
    """Return the similarity to the ground truth per frame.

    Args:
        embeddings: Embeddings of the version.
        target: Embeddings of the target.
        truth: Embeddings of the ground truth.

    Returns:
        0 as similar as the target, 1 equal to the ground truth; NaN where either shows no face.
    """
    similarity, target_similarity = (embeddings * truth).sum(-1), (target * truth).sum(-1)
    known = np.isfinite(target_similarity)
    if not known.any():
        return np.full(len(embeddings), np.nan, np.float32)
    floor = float(target_similarity[known].mean())
    return float32((similarity - floor) / max(1 - floor, _LEAST_RANGE))
