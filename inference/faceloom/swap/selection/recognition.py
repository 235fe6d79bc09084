"""Recognize faces as people of the reference pictures, a few times for each track."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32
from faceloom.faces.face_finder import Face
from faceloom.faces.face_recognition import MAX_YAW, MobileFaceNet, unit_vectors
from faceloom.faces.pose import head_pose
from faceloom.swap.selection.track_state import TrackArrays, TrackState

Embedding: TypeAlias = Float32[np.ndarray, "192"]
Embeddings: TypeAlias = Float32[np.ndarray, "_ 192"]

# Frames at the start of a track whose faces are all embedded.
_FIRST_FRAMES = 3
# Later, one frame in so many is embedded: about one a second.
_INTERVAL = 25
# The interval for a track that is not recognized and whose similarity is close below the
# threshold: a hand may have covered the face, or it was turned away.
_DOUBT_INTERVAL = 5
# How far below the threshold counts as close, in cosine similarity.
_DOUBT = 0.3
# Embeddings that a track's mean is made of; beyond, the oldest fade.
_MAX_SAMPLES = 4
# What the person who is already recognized gains in similarity, so that a face at the threshold
# does not appear and disappear.
_HYSTERESIS = 0.1
# The source of a face that is not swapped.
NO_SOURCE = -1


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """The people to recognize, and which source replaces each of them."""

    embeddings: Embeddings
    """Unit vectors of the people to swap, one row for each picture; no row means everybody."""
    source_indices: tuple[int, ...]
    """The index of the source for each row of `embeddings`."""
    excluded: Embeddings
    """Unit vectors of the people never to swap."""
    threshold: float
    """Cosine similarity from which a face is one of them."""

    @property
    def needs_recognition(self) -> bool:
        """Whether faces must be embedded at all."""
        return bool(len(self.embeddings) or len(self.excluded))


def recognition_network(references: Sequence[ReferenceSet]) -> MobileFaceNet | None:
    """Open the network that recognizes the people of several sets; None if no set needs it.

    Args:
        references: the sets.
    """
    return MobileFaceNet() if any(each.needs_recognition for each in references) else None


class FaceRecognizer:
    """Finds the source for each face, by the mean embedding of its track."""

    def __init__(self, references: ReferenceSet, state: TrackState, network: MobileFaceNet | None):
        """Recognize the people of a set.

        Args:
            references: the set.
            state: what is known of each track.
            network: what `recognition_network` returns for this set among others.
        """
        self._references = references
        self._state = state
        self._network = network if references.needs_recognition else None

    def source_of(self, picture: Rgb, face: Face) -> int:
        """Return the source for a face. Call it for every frame of a track, in order.

        Args:
            picture: the frame, upright and with square pixels.
            face: a face in it.

        Returns:
            The source's index, or `NO_SOURCE`.
        """
        if self._network is None:
            return 0
        arrays = self._state.of_track(face.track)
        age = int(arrays.get("age", 0))
        arrays["age"] = np.array(age + 1)
        if self._is_due(face, arrays, age):
            _add_sample(arrays, self._network.embed([picture], [face.points_xy])[0])
        source = self._decide(arrays["embedding"], int(arrays.get("source", NO_SOURCE)))
        arrays["source"] = np.array(source)
        return source

    def _is_due(self, face: Face, arrays: TrackArrays, age: int) -> bool:
        """Whether to embed the track's face in this frame."""
        if "embedding" not in arrays:
            return True
        interval = _INTERVAL
        known = self._references.embeddings
        if int(arrays["source"]) == NO_SOURCE and len(known):
            missing = self._references.threshold - float(
                (known @ unit_vectors(arrays["embedding"])).max()
            )
            interval = _DOUBT_INTERVAL if missing < _DOUBT else _INTERVAL
        return (age < _FIRST_FRAMES or age % interval == 0) and abs(
            head_pose(face.landmarks).yaw
        ) < MAX_YAW

    def _decide(self, embedding: Embedding, previous: int) -> int:
        """Return the source for a track's mean embedding, given the track's source so far."""
        references = self._references
        unit = unit_vectors(embedding)
        excluded = float((references.excluded @ unit).max(initial=-1))
        if not len(references.embeddings):
            return NO_SOURCE if excluded >= references.threshold else 0
        similarity = references.embeddings @ unit
        similarity = similarity + _HYSTERESIS * (np.array(references.source_indices) == previous)
        nearest = int(similarity.argmax())
        if similarity[nearest] < references.threshold or similarity[nearest] <= excluded:
            return NO_SOURCE
        return references.source_indices[nearest]


def _add_sample(arrays: TrackArrays, embedding: Embedding) -> None:
    """Add an embedding to a track's running mean."""
    samples = min(int(arrays.get("samples", 0)) + 1, _MAX_SAMPLES)
    arrays["samples"] = np.array(samples)
    mean = arrays.get("embedding", embedding)
    arrays["embedding"] = float32(mean + (embedding - mean) / samples)
