"""From pictures in order to faces with landmarks and tracks, for extraction and conversion."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Points, Rgb, float32
from faceloom.faces.detect import DEFAULT_DETECTOR, Detections, Detector, open_detector
from faceloom.faces.landmarks import FaceMesh, Landmarks
from faceloom.faces.rotated_faces import RotatedFaceDetector, looks_rotated
from faceloom.faces.shot_detection import CutDetector, CutState
from faceloom.faces.tracker import NO_TRACK, Tracker, TrackerState, box_iou

# Confidence of the mesh network, 0..1, below which there is no face.
_MIN_MESH_SCORE = 0.5
# Intersection over union above which a detector's box and a mesh's box are of one face; the mesh
# ends at the brow.
_SAME_FACE_IOU = 0.5
# Distance of the detector's points from the mesh's, as a fraction of their extent, above which they
# disagree on an upright head: at 75 degrees of yaw they differ by 0.2, on a head that lies on its
# side by more than 0.4.
_MAX_POINT_DISAGREEMENT = 0.25
# Pictures without a face for one search of a rotated picture.
_ROTATION_INTERVAL = 10
# Intersection over union of a face's boxes in two frames below which the face has moved.
_STILL_IOU = 0.8


@dataclass(frozen=True, slots=True)
class Face:
    """One face of one picture."""

    box_xyxy: Float32[np.ndarray, "4"]
    """Left, top, right and bottom in pixels of the picture."""
    score: float
    """Confidence of the detector, or of the mesh where the detector did not run, 0..1."""
    landmarks: Landmarks
    """The mesh as measured in this picture: smoothing it would dampen fast lips."""
    points_xy: Points
    """The five alignment points in pixels: the mesh's own, or smoothed over time."""
    track: int
    """Number of the track, or NO_TRACK."""

    @classmethod
    def from_landmarks(cls, landmarks: Landmarks, score: float, track: int) -> "Face":
        """Return the face of a mesh.

        Args:
            landmarks: The mesh.
            score: Confidence, 0..1.
            track: Number of the track, or NO_TRACK.

        Returns:
            The face, with the mesh's box and five points.
        """
        return cls(landmarks.box_xyxy(), score, landmarks, landmarks.five_points_xy(), track)

    @property
    def size(self) -> float:
        """The longer side of its box in pixels."""
        return float((self.box_xyxy[2:] - self.box_xyxy[:2]).max())


@dataclass(frozen=True, slots=True)
class FinderState:
    """State of a finder after a picture; another finder continues from it with the same results."""

    faces: tuple[Face, ...]
    """The faces of the last picture."""
    tracker: TrackerState
    """State of the tracker."""
    cuts: CutState
    """State of the cut detector."""
    failed_rotations: int
    """Pictures without a face since the last successful search of a rotated picture."""
    frame_count: int
    """Pictures so far."""


@dataclass(frozen=True, slots=True)
class DetectedPictures:
    """Successive pictures of a video, with what is known before their faces are tracked."""

    pictures: Sequence[Rgb]
    """The pictures in order."""
    starts_shot: Sequence[bool]
    """Whether each picture starts a shot."""
    detections: Mapping[int, Detections]
    """The detector's faces, by the index in `pictures`, where it was due."""
    cuts: CutState
    """State of the cut detector after the last picture."""
    frame_count: int
    """Pictures of the video up to the last one."""


class FaceFinder:
    """Finds and tracks the faces of one video.

    The detector runs on every `detect_every`-th picture, on the first of each shot, and where a
    face was lost; in between the mesh follows each face from its last position. Where nothing is
    found, the picture is searched at all four rotations. Use a new finder, or `for_new_video`,
    for each video.
    """

    def __init__(
        self,
        min_size: float = 0,
        detect_every: int = 1,
        threads: int = 0,
        first_track: int = 0,
        detector: str | Detector = DEFAULT_DETECTOR,
        mesh: FaceMesh | None = None,
    ):
        """Open the networks.

        Args:
            min_size: Smallest face to return, in pixels of the longer side of its box.
            detect_every: Run the detector on every n-th picture.
            threads: Threads of each network; 0 means one for each core.
            first_track: Number of the first track.
            detector: The detector, or its name, see `open_detector`.
            mesh: The mesh network; None opens it on the CPU.

        Raises:
            UsageError: There is no detector of that name.
            ProviderMissing: The detector is not installed.
        """
        self._detector = open_detector(detector, threads) if isinstance(detector, str) else detector
        self._rotated = RotatedFaceDetector(self._detector)
        self._failed_rotations = 0
        self._mesh = mesh or FaceMesh(threads)
        self._tracker = Tracker(first_id=first_track)
        self._cuts = CutDetector()
        self._min_size = min_size
        self._detect_every = detect_every
        self._frame_count = 0
        self._tracked_cuts, self._tracked_count = self._cuts.state, 0
        self._last: list[Face] = []

    def for_new_video(self, first_track: int = 0) -> "FaceFinder":
        """Return a finder for another video with this one's networks.

        Opening the networks takes as long as three pictures.

        Args:
            first_track: Number of the first track.

        Returns:
            The new finder.
        """
        other = copy(self)
        other._tracker, other._cuts = Tracker(first_id=first_track), CutDetector()
        other._failed_rotations = other._frame_count = other._tracked_count = 0
        other._tracked_cuts = other._cuts.state
        other._last = []
        return other

    @property
    def state(self) -> FinderState:
        """The state after the last tracked picture."""
        return FinderState(
            tuple(self._last),
            self._tracker.state,
            self._tracked_cuts,
            self._failed_rotations,
            self._tracked_count,
        )

    @state.setter
    def state(self, state: FinderState) -> None:
        self._last = list(state.faces)
        self._tracker.state = state.tracker
        self._cuts.state = self._tracked_cuts = state.cuts
        self._failed_rotations = state.failed_rotations
        self._frame_count = self._tracked_count = state.frame_count

    def find(self, pictures: Sequence[Rgb]) -> list[list[Face]]:
        """Return the faces of the next pictures of the video.

        Args:
            pictures: The pictures in order.

        Returns:
            The faces of each picture, the largest first.
        """
        return [faces for faces, _ in self.find_with_shots(pictures)]

    def find_with_shots(self, pictures: Sequence[Rgb]) -> list[tuple[list[Face], bool]]:
        """Return the faces of the next pictures of the video, and where shots start.

        Args:
            pictures: The pictures in order.

        Returns:
            For each picture its faces, the largest first, and whether it starts a shot.
        """
        return self.track(self.detect(pictures))

    def detect(self, pictures: Sequence[Rgb]) -> DetectedPictures:
        """Find where shots start in the next pictures, and run the detector where it is due.

        It does not depend on `track`, and may run ahead of it in another thread.

        Args:
            pictures: The pictures in order.

        Returns:
            What `track` takes.
        """
        starts_shot = [self._cuts.begins_shot(picture) for picture in pictures]
        due = [
            index
            for index, cut in enumerate(starts_shot)
            if cut or (self._frame_count + index) % self._detect_every == 0
        ]
        detections = self._detector.detect([pictures[index] for index in due])
        self._frame_count += len(pictures)
        return DetectedPictures(
            pictures,
            starts_shot,
            dict(zip(due, detections, strict=True)),
            self._cuts.state,
            self._frame_count,
        )

    def track(self, detected: DetectedPictures) -> list[tuple[list[Face], bool]]:
        """Measure and track the faces of the next pictures.

        Args:
            detected: What `detect` returned for them.

        Returns:
            As `find_with_shots`.
        """
        faces = []
        for index, picture in enumerate(detected.pictures):
            if detected.starts_shot[index]:
                self._tracker.reset()
                self._last = []
            self._last = self._find(picture, detected.detections.get(index))
            large = [face for face in self._last if face.size >= self._min_size]
            faces.append((sorted(large, key=lambda face: -face.size), detected.starts_shot[index]))
        self._tracked_cuts, self._tracked_count = detected.cuts, detected.frame_count
        return faces

    def find_near(self, picture: Rgb, expected: Detections) -> list[Face]:
        """Return the face of the next picture, whose place is known.

        Args:
            picture: The picture.
            expected: Where the face is: one detection.

        Returns:
            The face. If the mesh network finds none there, or another one, the faces that the
            detector finds, the largest first.
        """
        face = self._measure_detection(picture, expected, 0)
        if face is None:
            return self.find([picture])[0]
        (track,) = self._tracker.update(_boxes([face]), [face.track])
        return [replace(face, track=track)] if face.size >= self._min_size else []

    def _find(self, picture: Rgb, detected: Detections | None) -> list[Face]:
        followed = [face for last in self._last if (face := self._follow(picture, last))]
        lost = len(followed) < len(self._last)
        if detected is None and (lost or not followed):
            (detected,) = self._detector.detect([picture])
        faces = followed if detected is None else self._merge(picture, followed, detected)
        if not faces and self._may_rotate(lost=lost or bool(detected)):
            (rotated,) = self._rotated.detect([picture])
            measured = [
                self._measure_detection(picture, rotated, index, upright=False)
                for index in range(len(rotated))
            ]
            faces = [face for face in measured if face]
            self._failed_rotations = 0 if faces else self._failed_rotations + 1
        tracks = self._tracker.update(_boxes(faces), [face.track for face in faces])
        return [replace(face, track=track) for face, track in zip(faces, tracks, strict=True)]

    def _may_rotate(self, *, lost: bool) -> bool:
        """Whether to search rotated pictures: it costs five detections, and footage may be empty
        for minutes.
        """
        if lost and self._failed_rotations < _ROTATION_INTERVAL:
            return True
        self._failed_rotations += 1
        return self._failed_rotations % _ROTATION_INTERVAL == 1

    def _follow(self, picture: Rgb, last: Face) -> Face | None:
        """Measure a face near its last position; None if the mesh finds none there."""
        face = self._measure(picture, last)
        if face and _has_moved(last, face):
            # It lies at the edge of the mesh's input: measure again at its new position.
            face = self._measure(picture, face)
        return face

    def _measure(self, picture: Rgb, near: Face) -> Face | None:
        landmarks = self._mesh.find(picture, near.box_xyxy, near.points_xy)
        if landmarks.score < _MIN_MESH_SCORE:
            return None
        return Face.from_landmarks(landmarks, landmarks.score, near.track)

    def _merge(self, picture: Rgb, followed: Sequence[Face], detected: Detections) -> list[Face]:
        """Keep the followed faces that the detector confirms; add those that only it found."""
        overlaps = box_iou(detected.boxes_xyxy, _boxes(followed))
        faces = []
        for index, row in enumerate(overlaps):
            if row.size and row.max() > _SAME_FACE_IOU:
                match = int(row.argmax())
                overlaps[:, match] = 0
                faces.append(replace(followed[match], score=float(detected.scores[index])))
            elif face := self._measure_detection(picture, detected, index):
                faces.append(face)
        return faces

    def _measure_detection(
        self, picture: Rgb, detected: Detections, index: int, *, upright: bool = True
    ) -> Face | None:
        """Measure a detected face, then once more where its own mesh lies.

        Following repeats the second measurement, so the landmarks do not jump when it begins.
        `upright` requires that the detector and the mesh agree on the points, as they do on a head
        that is not rotated.
        """
        points, score = detected.points_xy[index], float(detected.scores[index])
        landmarks = self._mesh.find(picture, detected.boxes_xyxy[index], points)
        first = Face.from_landmarks(landmarks, score, NO_TRACK)
        if landmarks.score < _MIN_MESH_SCORE or (
            upright and looks_rotated(points, first.points_xy, _MAX_POINT_DISAGREEMENT)
        ):
            return None
        second = self._measure(picture, first)
        if second is None or _has_moved(first, second):
            return first
        return replace(second, score=score)


def _has_moved(last: Face, current: Face) -> bool:
    """Whether a face has moved so far that the mesh is worth a second measurement."""
    return float(box_iou(last.box_xyxy[None], current.box_xyxy[None])[0, 0]) < _STILL_IOU


def _boxes(faces: Sequence[Face]) -> Float32[np.ndarray, "n 4"]:
    return float32([face.box_xyxy for face in faces]).reshape(-1, 4)
