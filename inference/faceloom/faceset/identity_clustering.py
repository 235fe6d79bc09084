"""Who of the people in the footage is meant."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

from faceloom.array_types import float32
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY

# A single face may be this much less like the person than the threshold asks of its track: a profile
# or a hand lowers one face, a change of person within a track lowers it further.
_LENIENCE = 0.25

Vectors = Float32[np.ndarray, "_ 192"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which faces are the wanted person's, how many people there are.

    `people`: groups of faces found. `share`: of all faces, those kept.
    """

    keep: Bool[np.ndarray, "_"]
    people: int

    @property
    def share(self) -> float:
        """Return the share of all faces that are kept."""
        return float(self.keep.mean()) if len(self.keep) else 0.0


def select_identity(
    embeddings: Vectors,
    tracks: Int[np.ndarray, "_"],
    *,
    reference: Vectors | None = None,
    exclude: Vectors | None = None,
    threshold: float = SAME_PERSON_SIMILARITY,
) -> Choice:
    """Choose the faces of one person; tracks are decided as a whole.

    With `reference` vectors the person is theirs; without, it is whoever is seen most, where tracks whose
    mean vectors have a cosine of at least `threshold` are one person. Whoever is nearer to `exclude` is out.
    """
    if not len(embeddings):
        return Choice(np.zeros(0, bool), 0)
    means, members, counts = _track_means(embeddings, tracks)
    groups = cluster_embeddings(means, counts, threshold)
    refused = _likeness(means, exclude)
    if reference is not None:
        likeness = _likeness(means, reference)
        chosen = (likeness >= threshold) & (likeness > refused)
        center = _unit(reference.mean(0, keepdims=True))[0]
    else:
        allowed = np.where(refused < threshold, counts, 0)
        sizes = np.bincount(groups, weights=allowed)
        chosen = (groups == sizes.argmax()) & (allowed > 0)
        if not chosen.any():
            return Choice(np.zeros(len(embeddings), bool), int(groups.max()) + 1)
        center = _unit(float32((means[chosen] * counts[chosen, None]).sum(0, keepdims=True)))[0]
    alike = embeddings @ center >= threshold - _LENIENCE
    return Choice(chosen[members] & alike, int(groups.max()) + 1)


def cluster_faces(
    embeddings: Vectors, tracks: Int[np.ndarray, "_"], threshold: float = SAME_PERSON_SIMILARITY
) -> Int[np.ndarray, "_"]:
    """Number the people that faces belong to, each track as a whole; person 0 has the most faces."""
    means, members, counts = _track_means(embeddings, tracks)
    groups = cluster_embeddings(means, counts, threshold)
    return np.asarray(groups[members], np.int64)


def cluster_embeddings(
    means: Vectors, counts: Int[np.ndarray, "_"] | Sequence[int], threshold: float
) -> Int[np.ndarray, "_"]:
    """Number the people that unit vectors belong to: the nearest two groups are joined while they are alike.

    Average linkage on cosines, each vector counting as often as `counts` says. Person 0 has the most. Found by
    chains of nearest neighbors, in the square of the vectors' number (F. Murtagh, "A survey of recent advances
    in hierarchical clustering algorithms", The Computer Journal 26(4), 1983): a folder may hold ten thousand pictures.
    """
    sizes = float32(counts)
    sums = means * sizes[:, None]
    groups = [[number] for number in range(len(means))]
    people: list[int] = []
    chain: list[int] = []
    free = np.ones(len(means), bool)
    while free.any():
        chain = chain or [int(free.argmax())]
        last, before = chain[-1], chain[-2] if len(chain) > 1 else -1
        cosines = np.where(free, sums @ sums[last] / (sizes * sizes[last]), -2)
        cosines[last] = -2
        nearest = (
            before if before >= 0 and cosines[before] >= cosines.max() else int(cosines.argmax())
        )
        if cosines[nearest] < threshold:
            # No joining of others brings any of them nearer.
            people.append(chain.pop())
            free[last] = False
        elif nearest == before:
            groups[before] += groups[last]
            sums[before] += sums[last]
            sizes[before] += sizes[last]
            free[last] = False
            del chain[-2:]
        else:
            chain.append(nearest)
    numbers = np.zeros(len(means), np.int64)
    for number, group in enumerate(
        sorted(people, key=lambda person: (-sizes[person], min(groups[person])))
    ):
        numbers[groups[group]] = number
    return numbers


def _track_means(
    embeddings: Vectors, tracks: Int[np.ndarray, "_"]
) -> tuple[Vectors, Int[np.ndarray, "_"], Int[np.ndarray, "_"]]:
    """The mean unit vector of each track, which of them each face belongs to, and how many faces each has."""
    names, members, counts = np.unique(tracks, return_inverse=True, return_counts=True)
    means = np.stack([embeddings[members == number].mean(0) for number in range(len(names))])
    return _unit(means), members, counts


def _likeness(means: Vectors, others: Vectors | None) -> Float32[np.ndarray, "_"]:
    """The cosine of each mean to the nearest of `others`; -1 if there are none."""
    if others is None or not len(others):
        return float32(np.full(len(means), -1.0))
    return float32((means @ others.T).max(1))


def _unit(vectors: Vectors) -> Vectors:
    return float32(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
