"""From pictures in order to faces with landmarks and track numbers: what extraction and conversion share."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, Rgb, float32
from faceloom.faces.detect import DEFAULT_DETECTOR, Detections, open_detector
from faceloom.faces.landmarks import FaceMesh, Landmarks
from faceloom.faces.rotated_faces import RotatedFaceDetector, looks_rotated
from faceloom.faces.shot_detection import CutDetector, CutState
from faceloom.faces.tracker import NO_TRACK, Tracker, TrackerState, box_iou

# Below this the mesh network itself doubts that it sees a face.
_MIN_MESH_SCORE = 0.5
# A detector's box and a mesh's overlap by this much when they are of one face (the mesh ends at the brow).
_SAME_FACE = 0.5
# The detector's points may lie this far from the mesh's, as a part of their extent, on an upright head: at 75 degrees
# of yaw they are off by 0.2, on a head that lies on its side by more than 0.4.
_UNLIKE = 0.25
# Pictures without a face after which one is looked at turned.
_TURN_EVERY = 10
# A face whose boxes in two frames overlap by less has moved.
_STILL = 0.8


@dataclass(frozen=True, slots=True)
class Face:
    """One face of one picture. `score` is the detector's, or the mesh's where no detector looked.

    points_xy: the five alignment points. They are the mesh's own, or steadied over time, while the mesh
    stays as it was seen: smoothing it would take the edge off fast lips.
    """

    box_xyxy: Float32[np.ndarray, "4"]
    score: float
    landmarks: Landmarks
    points_xy: Points
    track: int

    @classmethod
    def from_landmarks(cls, landmarks: Landmarks, score: float, track: int) -> "Face":
        """Return the face that a mesh shows."""
        return cls(landmarks.box_xyxy(), score, landmarks, landmarks.five_points_xy(), track)

    @property
    def size(self) -> float:
        """The longer side of its box in pixels."""
        return float((self.box_xyxy[2:] - self.box_xyxy[:2]).max())


@dataclass(frozen=True, slots=True)
class FinderState:
    """What a finder remembers after a picture: enough for another to go on as if it had seen all of them.

    last: the faces of that picture. vain_turns, seen: pictures that were turned in vain, and all pictures.
    """

    faces: tuple[Face, ...]
    tracker: TrackerState
    cuts: CutState
    failed_rotations: int
    frame_count: int


class FaceFinder:
    """Finds and follows the faces of one video. Make a new one, or `for_new_video` this, for each video: it remembers tracks.

    The detector (see `open_detector`) looks at every `detect_every`-th picture, at the first of each shot, and
    wherever a face was lost; in between the mesh follows each face from where it was. Where nothing is found
    it looks at the picture turned on its sides and upside down too.
    """

    def __init__(
        self,
        min_size: float = 0,
        detect_every: int = 1,
        threads: int = 0,
        first_track: int = 0,
        detector: str = DEFAULT_DETECTOR,
    ):
        self._detector = open_detector(detector, threads)
        self._turned = RotatedFaceDetector(self._detector)
        self._vain_turns = 0
        self._mesh = FaceMesh(threads)
        self._tracker = Tracker(first=first_track)
        self._cuts = CutDetector()
        self._min_size = min_size
        self._every = detect_every
        self._seen = 0
        self._last: list[Face] = []

    def for_new_video(self, first_track: int = 0) -> "FaceFinder":
        """Return a finder for another video with this one's networks: opening them takes as long as three pictures."""
        other = copy(self)
        other._tracker, other._cuts = Tracker(first=first_track), CutDetector()
        other._vain_turns = other._seen = 0
        other._last = []
        return other

    @property
    def state(self) -> FinderState:
        """What it remembers now."""
        return FinderState(
            tuple(self._last), self._tracker.state, self._cuts.state, self._vain_turns, self._seen
        )

    @state.setter
    def state(self, state: FinderState) -> None:
        self._last, self._vain_turns, self._seen = (
            list(state.faces),
            state.failed_rotations,
            state.frame_count,
        )
        self._tracker.state, self._cuts.state = state.tracker, state.cuts

    def find(self, pictures: Sequence[Rgb]) -> list[list[Face]]:
        """Return the faces of each picture, the largest first. Call it with pictures in their order."""
        begins = [self._cuts.begins_shot(picture) for picture in pictures]
        due = [n for n, cut in enumerate(begins) if cut or (self._seen + n) % self._every == 0]
        detected = dict(zip(due, self._detector.detect([pictures[n] for n in due]), strict=True))
        self._seen += len(pictures)
        found = []
        for number, picture in enumerate(pictures):
            if begins[number]:
                self._tracker.reset()
                self._last = []
            self._last = self._find(picture, detected.get(number))
            wanted = [face for face in self._last if face.size >= self._min_size]
            found.append(sorted(wanted, key=lambda face: -face.size))
        return found

    def _find(self, picture: Rgb, detected: Detections | None) -> list[Face]:
        followed = [face for last in self._last if (face := self._follow(picture, last))]
        lost = len(followed) < len(self._last)
        if detected is None and (lost or not followed):
            (detected,) = self._detector.detect([picture])
        faces = followed if detected is None else self._confirm(picture, followed, detected)
        if not faces and self._may_turn(lost=lost or bool(detected)):
            (turned,) = self._turned.detect([picture])
            measured = [
                self._begin(picture, turned, number, strict=False) for number in range(len(turned))
            ]
            faces = [face for face in measured if face]
            self._vain_turns = 0 if faces else self._vain_turns + 1
        numbers = self._tracker.update(_boxes(faces), [face.track for face in faces])
        return [replace(face, track=number) for face, number in zip(faces, numbers, strict=True)]

    def _may_turn(self, *, lost: bool) -> bool:
        """Whether to look at the picture turned: it costs five detections, and footage may be empty for minutes."""
        if lost and self._vain_turns < _TURN_EVERY:
            return True
        self._vain_turns += 1
        return self._vain_turns % _TURN_EVERY == 1

    def _follow(self, picture: Rgb, last: Face) -> Face | None:
        """Look for a face where it was; None if the mesh does not see one there."""
        face = self._measure(picture, last)
        if face and _moved(last, face):
            # It was seen at the edge of where it was looked for: look again where it is.
            face = self._measure(picture, face)
        return face

    def _measure(self, picture: Rgb, near: Face) -> Face | None:
        landmarks = self._mesh.find(picture, near.box_xyxy, near.points_xy)
        return (
            Face.from_landmarks(landmarks, landmarks.score, near.track)
            if landmarks.score >= _MIN_MESH_SCORE
            else None
        )

    def _confirm(self, picture: Rgb, followed: Sequence[Face], detected: Detections) -> list[Face]:
        """Keep the followed faces that the detector sees too; begin a new one for whatever else it sees."""
        overlaps = box_iou(detected.boxes_xyxy, _boxes(followed))
        faces = []
        for number, row in enumerate(overlaps):
            if row.size and row.max() > _SAME_FACE:
                match = int(row.argmax())
                overlaps[:, match] = 0
                faces.append(replace(followed[match], score=float(detected.scores[number])))
            elif new := self._begin(picture, detected, number):
                faces.append(new)
        return faces

    def _begin(
        self, picture: Rgb, detected: Detections, number: int, *, strict: bool = True
    ) -> Face | None:
        """Measure a face where the detector saw it, then once more where its own mesh lies.

        The second look is the one that following repeats, so the landmarks do not jump when it begins. `strict`
        asks that the detector and the mesh agree on the points, as they do on a head that is not turned over.
        """
        points, score = detected.points_xy[number], float(detected.scores[number])
        landmarks = self._mesh.find(picture, detected.boxes_xyxy[number], points)
        first = Face.from_landmarks(landmarks, score, NO_TRACK)
        if landmarks.score < _MIN_MESH_SCORE or (
            strict and looks_rotated(points, first.points_xy, _UNLIKE)
        ):
            return None
        again = self._measure(picture, first)
        return replace(again, score=score) if again and not _moved(first, again) else first


def _moved(last: Face, now: Face) -> bool:
    """Whether a face has moved so far that the mesh is worth a second look."""
    return float(box_iou(last.box_xyxy[None], now.box_xyxy[None])[0, 0]) < _STILL


def _boxes(faces: Sequence[Face]) -> Float32[np.ndarray, "n 4"]:
    return float32([face.box_xyxy for face in faces]).reshape(-1, 4)
