"""From a target video to the people in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32
from faceloom.errors import NoFaceFound
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, MobileFaceNet
from faceloom.faces.pose import Pose, head_pose
from faceloom.faces.quality import Quality, crop_quality
from faceloom.faceset.footage import FootageFile, FootageFrame
from faceloom.faceset.identity_clustering import cluster_faces
from faceloom.faceset.similarity import center_of
from faceloom.progress import Progress, ProgressGenerator
from faceloom.review.face_thumbnails import thumbnail
from faceloom.review.lighting import Lighting, measure_lighting
from faceloom.review.statistics import (
    FaceSetStatistics,
    FaceTable,
    FaceValues,
    TargetPersonStatistics,
    TargetStatistics,
)

# The crops: as much of the head as face sets store, at the size the page shows.
_CROP = CropGeometry(size=256, coverage=1.5)
# Whoever is seen less than this is a passer-by, or one face that was hard to tell.
_LEAST_FACES, _LEAST_SHARE = 3, 0.02


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was measured of one face. embedding: a unit vector. thumb: the face in small, as JPEG."""

    track: int
    pose: Pose
    quality: Quality
    size: float
    light: Lighting
    embedding: Float32[np.ndarray, "192"]
    thumb: bytes


def measure_target(
    path: Path, every: int, people: Sequence[FaceSetStatistics]
) -> ProgressGenerator[TargetStatistics]:
    """Find and measure all faces of every `every`-th frame of a video (or of a picture), and tell whose they are.

    Tracks that look alike are one person, and so are those that look like one of `people`. Raises NoFaceFound
    if there is no face, and what reading it raises.
    """
    source = FootageFile.open(path)
    total = source.frames and -(-source.frames // every)
    gauge = _Gauge()
    counts = []
    seen: list[_Seen] = []
    for picture in source.read(every):
        faces = gauge.look(picture)
        seen += faces
        counts.append(len(faces))
        yield Progress(f"look at {path.name}", len(counts), total)
    if not seen:
        raise NoFaceFound(f"No face was found in {path}; choose a target with a visible face.")
    return TargetStatistics(
        name=path.name,
        people=_tell_apart(path.name, seen, len(counts), people),
        frames=len(counts),
        frames_with_several_faces=sum(count > 1 for count in counts),
        frames_without_face=counts.count(0),
        every=every,
    )


def match_face_set(center: FaceValues, people: Sequence[FaceSetStatistics]) -> str:
    """Return the name of the person whose face set is nearest to a unit vector, empty if it is none of them."""
    likeness = {person.name: float(person.center @ center) for person in people}
    name = max(likeness, key=likeness.__getitem__)
    return name if likeness[name] >= SAME_PERSON_SIMILARITY else ""


def _tell_apart(
    clip: str, seen: Sequence[_Seen], frames: int, people: Sequence[FaceSetStatistics]
) -> tuple[TargetPersonStatistics, ...]:
    """The people of a target who are seen often enough, at least the one seen most."""
    vectors = float32(np.stack([face.embedding for face in seen]))
    numbers = cluster_faces(vectors, np.array([face.track for face in seen], np.int64))
    known = [
        match_face_set(center_of(vectors[numbers == number]), people)
        for number in range(int(numbers.max()) + 1)
    ]
    # Someone whose profile counts as another person is still the same if both are like one face set.
    groups: dict[str | int, list[_Seen]] = {}
    for number, face in zip(numbers.tolist(), seen, strict=True):
        groups.setdefault(known[number] or number, []).append(face)
    by_count = sorted(groups.items(), key=lambda group: -len(group[1]))
    least = max(_LEAST_FACES, _LEAST_SHARE * frames)
    often = [group for group in by_count if len(group[1]) >= least] or by_count[:1]
    return tuple(
        _target_person(
            clip, who if isinstance(who, str) else "", 0 if len(often) == 1 else place, faces
        )
        for place, (who, faces) in enumerate(often, 1)
    )


def _target_person(
    clip: str, known: str, place: int, faces: Sequence[_Seen]
) -> TargetPersonStatistics:
    """Gather what was measured of one person; `place` is 0 where there is nobody else."""
    table = FaceTable.from_faces(
        [face.pose for face in faces],
        [face.quality for face in faces],
        [face.size for face in faces],
        [face.light for face in faces],
    )
    label = known or f"person {place or 1}"
    name = clip if not place else f"{known} in {clip}" if known else f"{label} of {clip}"
    return TargetPersonStatistics(label, name, known, table, tuple(face.thumb for face in faces))


class _Gauge:
    """Measures the faces of one picture after the other."""

    def __init__(self) -> None:
        self._finder = FaceFinder()
        self._identify = MobileFaceNet()

    def look(self, picture: FootageFrame) -> list[_Seen]:
        """Measure every face of a picture."""
        faces = self._finder.find([picture.rgb])[0]
        vectors = self._identify.embed(
            [picture.rgb] * len(faces), [face.points_xy for face in faces]
        )
        return [_measure(picture.rgb, *pair) for pair in zip(faces, vectors, strict=True)]


def _measure(picture: Rgb, face: Face, embedding: Float32[np.ndarray, "192"]) -> _Seen:
    face_crop = FaceCrop.from_image(picture, face, _CROP)
    return _Seen(
        track=face.track,
        pose=head_pose(face.landmarks),
        quality=crop_quality(face_crop),
        size=face.size,
        light=measure_lighting(face_crop.rgb, face_crop.mask),
        embedding=embedding,
        thumb=thumbnail(face_crop.rgb, _CROP.coverage),
    )
