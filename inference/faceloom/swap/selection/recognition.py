"""Which of the wanted people a face is, asked of the identity network now and then and remembered for its track."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32
from faceloom.faces.face_finder import Face
from faceloom.faces.face_recognition import MobileFaceNet
from faceloom.faces.pose import head_pose
from faceloom.swap.selection.track_state import Notes, TrackNotes

Vectors = Float32[np.ndarray, "_ 192"]

# A track is looked at in its first frames, then every so many: a second of film. One that may yet turn out to be
# somebody who is wanted, so little below the threshold, is looked at sooner: a hand hid it, or it was turned.
_FIRST_LOOKS, _EVERY = 3, 25
_SOON, _DOUBT = 5, 0.3
# So many looks weigh in; beyond, the oldest fade.
_MOST_LOOKS = 4
# Degrees of yaw beyond which a face tells little of who it is.
_TURNED = 50.0
# What was recognzed stays so until it is this much less like the person than the threshold asks.
_HOLD = 0.1
NOBODY = -1


@dataclass(frozen=True, slots=True)
class People:
    """vectors: the wanted people's, empty for everybody. wears: which source each of them wears. exclude: the others'.

    threshold: the cosine that a face must have to one of them.
    """

    vectors: Vectors
    wears: tuple[int, ...]
    exclude: Vectors
    threshold: float

    @property
    def needed(self) -> bool:
        """Whether anybody has to be recognzed."""
        return bool(len(self.vectors) or len(self.exclude))


class Recognzer:
    """Tells the source that each face is to wear."""

    def __init__(self, people: People, notes: Notes):
        self._people = people
        self._notes = notes
        self._network = MobileFaceNet() if people.needed else None

    def source_of(self, picture: Rgb, face: Face) -> int:
        """Return which source's face this one wears, NOBODY if none. Call it for every frame of a track, in order."""
        if self._network is None:
            return 0
        notes = self._notes.of(face.track)
        age = int(notes.get("age", 0))
        notes["age"] = np.array(age + 1)
        if self._is_due(face, notes, age):
            _take_in(notes, self._network.embed([picture], [face.points_xy])[0])
        source = self._decide(notes["vector"], int(notes.get("wears", NOBODY)))
        notes["wears"] = np.array(source)
        return source

    def _is_due(self, face: Face, notes: TrackNotes, age: int) -> bool:
        if "vector" not in notes:
            return True
        every = _EVERY
        if int(notes["wears"]) == NOBODY and len(self._people.vectors):
            doubt = self._people.threshold - float(
                (self._people.vectors @ _unit(notes["vector"])).max()
            )
            every = _SOON if doubt < _DOUBT else _EVERY
        return (age < _FIRST_LOOKS or age % every == 0) and abs(
            head_pose(face.landmarks).yaw
        ) < _TURNED

    def _decide(self, vector: Float32[np.ndarray, "192"], before: int) -> int:
        people = self._people
        unit = _unit(vector)
        refused = float((people.exclude @ unit).max(initial=-1))
        if not len(people.vectors):
            return NOBODY if refused >= people.threshold else 0
        likeness = people.vectors @ unit
        # Who was recognzed already is preferred: at the threshold a face must not come and go.
        likeness = likeness + _HOLD * (np.array(people.wears) == before)
        nearest = int(likeness.argmax())
        if likeness[nearest] < people.threshold or likeness[nearest] <= refused:
            return NOBODY
        return people.wears[nearest]


def _take_in(notes: TrackNotes, vector: Float32[np.ndarray, "192"]) -> None:
    """Add a look to a track's mean."""
    looks = min(int(notes.get("looks", 0)) + 1, _MOST_LOOKS)
    notes["looks"] = np.array(looks)
    mean = notes.get("vector", vector)
    notes["vector"] = float32(mean + (vector - mean) / looks)


def _unit(vector: Float32[np.ndarray, "192"]) -> Float32[np.ndarray, "192"]:
    return float32(vector / max(float(np.linalg.norm(vector)), 1e-9))
