"""Which faces of a frame are swapped, and by whose."""

from collections.abc import Sequence

from faceloom.array_types import Rgb
from faceloom.faces.face_finder import Face
from faceloom.swap.options import SwapOptions
from faceloom.swap.selection.recognition import NOBODY, People, Recognzer
from faceloom.swap.selection.track_state import Notes

# Another face takes over as the largest once it was so much larger for so many frames in a row.
_LARGER, _FRAMES = 1.2, 12
_NONE = -1

Chosen = tuple[Face, int]


class Chooser:
    """Chooses the faces of a video's frames, in order. It remembers in `notes` only."""

    def __init__(self, options: SwapOptions, people: People, notes: Notes):
        options.check()
        self._notes = notes
        self._recognzer = Recognzer(people, notes)
        self._track = options.track
        self._all = (options.select or ("all" if len(people.vectors) else "largest")) == "all"

    def choose(self, picture: Rgb, faces: Sequence[Face]) -> list[Chosen]:
        """Return the faces to swap, each with the number of its source."""
        known = {face.track for face in faces if self._notes.knows(face.track)}
        self._notes.begin_frame(face.track for face in faces)
        if self._track is not None:
            faces = [face for face in faces if face.track == self._track]
        asked = [(face, self._recognzer.source_of(picture, face)) for face in faces]
        wanted = [(face, source) for face, source in asked if source != NOBODY]
        if self._all or self._track is not None:
            return wanted
        largest = self._largest([face for face, _ in wanted], known)
        return [(face, source) for face, source in wanted if face.track == largest]

    def _largest(self, faces: Sequence[Face], known: set[int]) -> int:
        """The track of the largest face, or of the one that was until another has clearly taken over."""
        numbers = self._notes.numbers
        kept, rival = numbers.get("largest", _NONE), self._rival(faces, known)
        if rival != kept:
            waited = self._notes.count("waited") if rival == numbers.get("rival", _NONE) else 1
            numbers |= {"rival": rival, "waited": waited}
            if waited > _FRAMES or not known or kept == _NONE:
                numbers["largest"] = kept = rival
        if rival == kept:
            numbers |= {"rival": _NONE, "waited": 0}
        return kept

    def _rival(self, faces: Sequence[Face], known: set[int]) -> int:
        """The track that would be the largest were it for this frame alone; the kept one if none is clearly larger."""
        kept = self._notes.numbers.get("largest", _NONE)
        if not faces:
            return kept
        largest = max(faces, key=lambda face: face.size)
        size = next((face.size for face in faces if face.track == kept), 0.0)
        return largest.track if largest.size > _LARGER * size else kept
