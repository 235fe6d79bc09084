"""Search a file for the watermark: find its faces, average each person's, read the averages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.array_types import Rgb
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.provenance.watermark.detection import FaceAverage, Reading
from faceloom.provenance.watermark.payload import fingerprint_text
from faceloom.video import probe_source, read_source
from faceloom.video.display import frame_to_upright

# Similarity from which a watermark counts as found. For random chips, the best of all fingerprints
# and positions exceeds it in less than one of a million averages (docs/provenance.md).
FOUND_SIMILARITY = 9.5
# Frames after which the averages are read; the last one ends the search.
_READ_AFTER = (25, 75, 150, 300, 600, 1200)
# Frames in which faces are found at once.
_BATCH = 25
# The detector runs on every Nth frame; in between the mesh follows each face.
_DETECT_EVERY = 5
# How many people's averages are read at most, those with the most frames.
_MAX_PEOPLE = 4


@dataclass(frozen=True, slots=True)
class FoundWatermark:
    """A watermark in the pixels of a file."""

    fingerprint: str
    """The payload, eight hexadecimal digits."""

    similarity: float
    """Correlation with the pattern, in standard deviations of what unmarked faces give."""

    frames: int
    """How many frames were read until it was found."""


def find_watermark(path: Path) -> FoundWatermark | None:
    """Search the first 1,200 frames of a file for the watermark.

    Args:
        path: A video or picture of any origin.

    Returns:
        The watermark; None if there is none, or it is too weak.

    Raises:
        MediaUnreadable: The file is not a video or picture.
    """
    info = probe_source(path)
    frames = (frame_to_upright(frame, info) for frame in read_source(info, stop=_READ_AFTER[-1]))
    return _search_frames(frame.square_rgb for frame in frames)


def _search_frames(pictures: Iterator[Rgb]) -> FoundWatermark | None:
    """Search successive frames with square pixels for the watermark."""
    finder, people, count = FaceFinder(detect_every=_DETECT_EVERY), dict[int, FaceAverage](), 0
    for batch in _batches(pictures):
        for picture, faces in zip(batch, finder.find(batch), strict=True):
            _add_faces(people, picture, faces)
        count += len(batch)
        if count in _READ_AFTER or len(batch) < _BATCH:
            reading = _read_people(people)
            if reading and reading.similarity >= FOUND_SIMILARITY:
                fingerprint = fingerprint_text(reading.fingerprint)
                return FoundWatermark(fingerprint, reading.similarity, count)
    return None


def _batches(pictures: Iterator[Rgb]) -> Iterator[list[Rgb]]:
    """Yield lists of `_BATCH` pictures, then the remaining ones, which may be none."""
    batch: list[Rgb] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _add_faces(people: dict[int, FaceAverage], picture: Rgb, faces: Sequence[Face]) -> None:
    for face in faces:
        people.setdefault(face.track, FaceAverage()).add(picture, face.points_xy)


def _read_people(people: dict[int, FaceAverage]) -> Reading | None:
    """Return the best reading of each person and, for videos of short shots, of all faces."""
    averages = sorted(people.values(), key=lambda average: -average.count)[:_MAX_PEOPLE]
    if len(averages) > 1:
        everybody = FaceAverage()
        for average in people.values():
            everybody.add_average(average)
        averages.append(everybody)
    readings = [average.read(FOUND_SIMILARITY) for average in averages]
    return max(readings, key=lambda reading: reading.similarity, default=None)
