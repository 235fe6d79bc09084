"""Group faces by person, and select one person's faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

from faceloom.array_types import float32
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, unit_vectors

# A single face's cosine to the person may be so much below the threshold for tracks: a profile or a
# hand lowers it, and another person within the track lowers it further.
_FACE_TOLERANCE = 0.25
# Vectors are copied without those that are joined or final when fewer than this share remain.
_COMPACT_SHARE = 0.75

Vectors = Float32[np.ndarray, "_ 192"]


@dataclass(frozen=True, slots=True)
class IdentitySelection:
    """One person's faces."""

    keep: Bool[np.ndarray, "_"]
    """Whether each face is the person's."""
    people: int
    """Number of different people."""


def select_identity(
    embeddings: Vectors,
    tracks: Int[np.ndarray, "_"],
    *,
    reference: Vectors | None = None,
    exclude: Vectors | None = None,
    threshold: float = SAME_PERSON_SIMILARITY,
) -> IdentitySelection:
    """Select the faces of one person. All faces of a track belong to one person.

    Args:
        embeddings: Unit vectors of the faces.
        tracks: Track of each face.
        reference: Embeddings of the person; None selects the person with the most faces.
        exclude: Embeddings of other people. A track that is nearer to them is not selected.
        threshold: Cosine from which two embeddings are of one person, 0 to 1.

    Returns:
        The selection.
    """
    if not len(embeddings):
        return IdentitySelection(np.zeros(0, bool), 0)
    means, track_indices, counts = _track_means(embeddings, tracks)
    groups = cluster_embeddings(means, counts, threshold)
    excluded = _nearest_cosine(means, exclude)
    if reference is not None:
        cosines = _nearest_cosine(means, reference)
        selected = (cosines >= threshold) & (cosines > excluded)
        center = unit_vectors(reference.mean(0, keepdims=True))[0]
    else:
        allowed = np.where(excluded < threshold, counts, 0)
        sizes = np.bincount(groups, weights=allowed)
        selected = (groups == sizes.argmax()) & (allowed > 0)
        if not selected.any():
            return IdentitySelection(np.zeros(len(embeddings), bool), int(groups.max()) + 1)
        center = unit_vectors(
            float32((means[selected] * counts[selected, None]).sum(0, keepdims=True))
        )[0]
    similar = embeddings @ center >= threshold - _FACE_TOLERANCE
    return IdentitySelection(selected[track_indices] & similar, int(groups.max()) + 1)


def cluster_faces(
    embeddings: Vectors, tracks: Int[np.ndarray, "_"], threshold: float = SAME_PERSON_SIMILARITY
) -> Int[np.ndarray, "_"]:
    """Assign faces to people. All faces of a track belong to one person.

    Args:
        embeddings: Unit vectors of the faces.
        tracks: Track of each face.
        threshold: Cosine from which two embeddings are of one person, 0 to 1.

    Returns:
        Index of each face's person; person 0 has the most faces.
    """
    means, track_indices, counts = _track_means(embeddings, tracks)
    groups = cluster_embeddings(means, counts, threshold)
    return np.asarray(groups[track_indices], np.int64)


def cluster_embeddings(
    means: Vectors, counts: Int[np.ndarray, "_"] | Sequence[int], threshold: float
) -> Int[np.ndarray, "_"]:
    """Cluster embeddings by average linkage of cosines.

    The nearest-neighbor chain algorithm takes quadratic time (F. Murtagh, "A survey of recent
    advances in hierarchical clustering algorithms", The Computer Journal 26(4), 1983); a folder may
    contain 10,000 pictures. SciPy has it too, but would add 35 MB to the runtime.

    Args:
        means: Unit vectors.
        counts: Weight of each vector: the number of faces that it stands for.
        threshold: Clusters with at least this mean cosine are joined.

    Returns:
        Index of each vector's cluster; cluster 0 has the largest weight.
    """
    sizes = float32(counts)
    sums = means * sizes[:, None]
    groups = [[index] for index in range(len(means))]
    clusters: list[tuple[float, list[int]]] = []
    chain: list[int] = []
    free = np.ones(len(means), bool)
    while free.any():
        if free.sum() < _COMPACT_SHARE * len(free):
            places = np.cumsum(free) - 1
            chain = [int(places[index]) for index in chain]
            groups = [groups[index] for index in np.flatnonzero(free)]
            sums, sizes, free = sums[free], sizes[free], free[free]
        chain = chain or [int(free.argmax())]
        last, before = chain[-1], chain[-2] if len(chain) > 1 else -1
        cosines = np.where(free, sums @ sums[last] / (sizes * sizes[last]), -2)
        cosines[last] = -2
        nearest = (
            before if before >= 0 and cosines[before] >= cosines.max() else int(cosines.argmax())
        )
        if cosines[nearest] < threshold:
            # Joining others does not bring any of them nearer.
            chain.pop()
            clusters.append((float(sizes[last]), sorted(groups[last])))
            free[last] = False
        elif nearest == before:
            groups[before] += groups[last]
            sums[before] += sums[last]
            sizes[before] += sizes[last]
            free[last] = False
            del chain[-2:]
        else:
            chain.append(nearest)
    clusters.sort(key=lambda cluster: (-cluster[0], cluster[1][0]))
    indices = np.zeros(len(means), np.int64)
    for index, (_, members) in enumerate(clusters):
        indices[members] = index
    return indices


def _track_means(
    embeddings: Vectors, tracks: Int[np.ndarray, "_"]
) -> tuple[Vectors, Int[np.ndarray, "_"], Int[np.ndarray, "_"]]:
    """Return the mean unit vector of each track, the track of each face, and the face counts."""
    _, indices, counts = np.unique(tracks, return_inverse=True, return_counts=True)
    # One sort, since a comparison for each track takes quadratic time.
    by_track = embeddings[np.argsort(indices, kind="stable")]
    parts = np.split(by_track, np.cumsum(counts)[:-1])
    return unit_vectors(np.stack([part.mean(0) for part in parts])), indices, counts


def _nearest_cosine(means: Vectors, others: Vectors | None) -> Float32[np.ndarray, "_"]:
    """Return each mean's cosine to the nearest of `others`; -1 if there are none."""
    if others is None or not len(others):
        return float32(np.full(len(means), -1.0))
    return float32((means @ others.T).max(1))
