"""Measure a target video and distinguish the people in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32
from faceloom.artifact_kind import Purpose, check_kind
from faceloom.errors import NoFaceFound
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.expression import ExpressionReader, FaceExpression
from faceloom.faces.face_crop import FaceCrop
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY, MobileFaceNet
from faceloom.faces.parsing.face_parser import FaceParser
from faceloom.faces.parsing.occlusion import STANDS_BEFORE, Occlusion, occluded_share
from faceloom.faces.parsing.regions import RegionMap
from faceloom.faces.pose import Pose, head_pose
from faceloom.faces.quality import Quality, crop_quality
from faceloom.faceset.footage import FootageFile
from faceloom.faceset.identity_clustering import cluster_faces
from faceloom.faceset.similarity import center_of
from faceloom.progress import Progress, ProgressGenerator
from faceloom.review.face_thumbnails import thumbnail
from faceloom.review.lighting import Lighting, measure_lighting
from faceloom.review.openings import Opening
from faceloom.review.statistics import (
    FaceSetStatistics,
    FaceTable,
    FaceValues,
    TargetPersonStatistics,
    TargetStatistics,
)

# As much of the head as face sets store, at the size that the report shows.
_CROP = CropGeometry(size=256, coverage=1.5)
# Faces that a person needs; fewer are a passer-by or a wrong identity.
_LEAST_FACES = 3
# Share of the frames that a person needs.
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class _TargetFace:
    """What is measured of one face."""

    track: int
    """Index of its track."""
    pose: Pose
    """Head pose."""
    quality: Quality
    """Quality of the crop."""
    opening: Opening
    """Openings of the eyes and the mouth."""
    size: float
    """Longer side in pixels."""
    lighting: Lighting
    """How it is lit."""
    occluded: float
    """Share of the face that hands, clothes or other things hide."""
    embedding: Float32[np.ndarray, "192"]
    """Unit vector of the recognition network."""
    thumbnail: bytes
    """Small JPEG file."""


def measure_target(
    path: Path, every: int, facesets: Sequence[FaceSetStatistics]
) -> ProgressGenerator[TargetStatistics]:
    """Find and measure all faces of a target.

    Tracks that are similar to each other, or to the same face set, are one person.

    Args:
        path: A video or picture.
        every: Measure every `every`-th frame.
        facesets: At least one face set, to recognize people by.

    Yields:
        Progress.

    Returns:
        The statistics.

    Raises:
        NoFaceFound: The target shows no face.
        UsageError: The target does not exist.
        MediaUnreadable: The target cannot be read.
    """
    check_kind(path, Purpose.TARGET)
    file = FootageFile.open(path)
    total = file.frames and -(-file.frames // every)
    reader = _FaceReader()
    counts: list[int] = []
    times: list[float] = []
    occluded_times: list[float] = []
    faces: list[_TargetFace] = []
    for frame in file.read(every):
        found = reader.read(frame.rgb)
        faces += found
        counts.append(len(found))
        times.append(frame.seconds)
        if any(face.occluded >= STANDS_BEFORE for face in found):
            occluded_times.append(frame.seconds)
        yield Progress(f"measure {path.name}", len(counts), total)
    if not faces:
        raise NoFaceFound(f"No face was found in {path}; choose a target with a visible face.")
    return TargetStatistics(
        name=path.name,
        people=_group_people(path.name, faces, len(counts), facesets),
        frames=len(counts),
        frames_with_several_faces=sum(count > 1 for count in counts),
        frames_without_face=counts.count(0),
        every=every,
        occlusion=Occlusion.at(occluded_times, (times[-1] - times[0]) / max(len(times) - 1, 1)),
    )


def matching_faceset(center: FaceValues, facesets: Sequence[FaceSetStatistics]) -> str:
    """Return the name of the face set of the same person.

    Args:
        center: Unit vector of a person, [192].
        facesets: At least one face set.

    Returns:
        The name of the most similar face set; empty if it is another person's.
    """
    similarity = {faceset.name: float(faceset.center @ center) for faceset in facesets}
    name = max(similarity, key=similarity.__getitem__)
    return name if similarity[name] >= SAME_PERSON_SIMILARITY else ""


def _group_people(
    target: str,
    faces: Sequence[_TargetFace],
    frames: int,
    facesets: Sequence[FaceSetStatistics],
) -> tuple[TargetPersonStatistics, ...]:
    """Return the people with enough faces, at least the one with the most."""
    embeddings = float32(np.stack([face.embedding for face in faces]))
    people = cluster_faces(embeddings, np.array([face.track for face in faces], np.int64))
    matches = [
        matching_faceset(center_of(embeddings[people == person]), facesets)
        for person in range(int(people.max()) + 1)
    ]
    # Someone whose profile is clustered as another person is one person if both match one face set.
    groups: dict[str | int, list[_TargetFace]] = {}
    for person, face in zip(people.tolist(), faces, strict=True):
        groups.setdefault(matches[person] or person, []).append(face)
    by_count = sorted(groups.items(), key=lambda group: -len(group[1]))
    least = max(_LEAST_FACES, _LEAST_SHARE * frames)
    shown = [group for group in by_count if len(group[1]) >= least] or by_count[:1]
    return tuple(
        _person_statistics(
            target, key if isinstance(key, str) else "", 0 if len(shown) == 1 else number, group
        )
        for number, (key, group) in enumerate(shown, 1)
    )


def _person_statistics(
    target: str, matches: str, number: int, faces: Sequence[_TargetFace]
) -> TargetPersonStatistics:
    """Collect the measurements of one person; `number` is 0 if nobody else is in the target."""
    table = FaceTable.from_faces(
        [face.pose for face in faces],
        [face.quality for face in faces],
        [face.opening for face in faces],
        [face.size for face in faces],
        [face.lighting for face in faces],
    )
    label = matches or f"person {number or 1}"
    name = target if not number else f"{label} {'in' if matches else 'of'} {target}"
    return TargetPersonStatistics(
        label, name, matches, table, tuple(face.thumbnail for face in faces)
    )


class _FaceReader:
    """Measures the faces of one frame after the other."""

    def __init__(self) -> None:
        self._finder = FaceFinder()
        self._recognition = MobileFaceNet()
        self._parser = FaceParser()
        self._expressions = ExpressionReader()

    def read(self, picture: Rgb) -> list[_TargetFace]:
        """Measure every face of a frame."""
        faces = self._finder.find([picture])[0]
        embeddings = self._recognition.embed(
            [picture] * len(faces), [face.points_xy for face in faces]
        )
        crops = [FaceCrop.from_image(picture, face, _CROP) for face in faces]
        regions = self._parser.parse_faces(
            [crop.rgb for crop in crops], [crop.mask for crop in crops]
        )
        expressions = self._expressions.read(
            [crop.rgb for crop in crops], [crop.mesh_xy for crop in crops]
        )
        return [
            _measure(*row)
            for row in zip(faces, crops, embeddings, regions, expressions, strict=True)
        ]


def _measure(
    face: Face,
    crop: FaceCrop,
    embedding: Float32[np.ndarray, "192"],
    regions: RegionMap | None,
    expression: FaceExpression,
) -> _TargetFace:
    quality = crop_quality(crop)
    return _TargetFace(
        track=face.track,
        pose=head_pose(face.landmarks),
        quality=quality,
        opening=Opening.of(expression, quality),
        size=face.size,
        lighting=measure_lighting(crop.rgb, crop.mask),
        occluded=0.0 if regions is None else occluded_share(regions, crop.mask),
        embedding=embedding,
        thumbnail=thumbnail(crop.rgb, _CROP.coverage),
    )
