"""Corrections of landmarks between two corrected frames of one track."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from faceloom.array_types import float32
from faceloom.faceset.corrections.correction_files import LandmarkCorrection


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """The place of a face in its footage."""

    image: str
    """Path of the crop in the face set."""
    file: int
    """Index of the footage file."""
    track: int
    """Track of the face in the file."""
    frame: int
    """Index of the frame in the file."""


def interpolate_corrections(
    faces: Iterable[TrackedFace], corrections: Mapping[str, LandmarkCorrection]
) -> dict[str, LandmarkCorrection]:
    """Interpolate how far landmarks were moved between corrected frames, linearly over the frames.

    Offsets are interpolated, not positions: each face keeps the motion of its own detected
    landmarks.

    Args:
        faces: The faces to consider, of any tracks.
        corrections: Their corrections by image. Interpolated ones are replaced; the others are the
            key frames.

    Returns:
        The corrections of the faces between two key frames, by image.
    """
    tracks = defaultdict[tuple[int, int], list[TrackedFace]](list)
    for face in faces:
        tracks[face.file, face.track].append(face)
    found: dict[str, LandmarkCorrection] = {}
    for track in tracks.values():
        found |= _interpolate_track(sorted(track, key=lambda face: face.frame), corrections)
    return found


def faces_around(
    faces: Iterable[TrackedFace], corrections: Mapping[str, LandmarkCorrection], image: str
) -> list[TrackedFace]:
    """Return the part of a track from the corrected face before a face to the one after it.

    Args:
        faces: The faces to consider, of any tracks.
        corrections: Their corrections by image; interpolated ones do not count.
        image: The face, which may be corrected itself.

    Returns:
        The faces in order; on a side without a corrected face, it ends at the face itself.
    """
    faces = list(faces)
    center = next((face for face in faces if face.image == image), None)
    if center is None:
        return []
    track = [face for face in faces if (face.file, face.track) == (center.file, center.track)]
    keys = [face.frame for face in track if _is_key(corrections.get(face.image))]
    first = max((frame for frame in keys if frame < center.frame), default=center.frame)
    last = min((frame for frame in keys if frame > center.frame), default=center.frame)
    return sorted(
        (face for face in track if first <= face.frame <= last), key=lambda face: face.frame
    )


def _interpolate_track(
    track: Sequence[TrackedFace], corrections: Mapping[str, LandmarkCorrection]
) -> dict[str, LandmarkCorrection]:
    keys = [index for index, face in enumerate(track) if _is_key(corrections.get(face.image))]
    found = {}
    for first, last in pairwise(keys):
        start, end = (corrections[track[index].image].to_array() for index in (first, last))
        from_frame, to_frame = track[first].frame, track[last].frame
        for face in track[first + 1 : last]:
            share = (face.frame - from_frame) / max(to_frame - from_frame, 1)
            offsets = float32(start + share * (end - start))
            found[face.image] = LandmarkCorrection.of(offsets, "interpolated")
    return found


def _is_key(correction: LandmarkCorrection | None) -> bool:
    return correction is not None and correction.origin != "interpolated"
