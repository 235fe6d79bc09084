"""List the face tracks of a video by the numbers that `--select track:N` uses."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceloom.array_types import Rgb
from faceloom.batches import batched
from faceloom.errors import NoFaceFound
from faceloom.faces.face_finder import Face, FaceFinder
from faceloom.image_io import write_png
from faceloom.progress import Progress, ProgressGenerator
from faceloom.swap.pipeline.analysis import DETECT_EVERY
from faceloom.swap.preview.contact_sheet import Cell, draw_sheet, square_around, warp_to_cell
from faceloom.video import Frame, probe_source, read_source
from faceloom.video.display import frame_to_upright

# Frames in which faces are detected at once.
_BATCH = 8
# Side of a portrait, in multiples of the bounding box's longer side.
_PADDING = 1.5
# Portraits in a row of the sheet.
_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One track: the faces of one person in consecutive frames."""

    track: int
    """Number of the track."""
    first_frame: int
    """Index of its first frame, from 0."""
    last_frame: int
    """Index of its last frame."""
    start_seconds: float
    """Time of its first frame, in seconds."""
    end_seconds: float
    """Time of its last frame, in seconds."""
    frames: int
    """Number of frames with the face."""
    size: float
    """Median size of the bounding box, in pixels."""


@dataclass(frozen=True, slots=True)
class TracksSummary:
    """The tracks of a video, in the order in which they start."""

    target: Path
    """The video."""
    tracks: tuple[TrackRow, ...]
    """Its tracks."""

    def to_text(self) -> str:
        """Return the tracks as a table."""
        lines = ["track  frames         seconds          visible  size"]
        for row in self.tracks:
            frames = f"{row.first_frame}-{row.last_frame}"
            seconds = f"{row.start_seconds:.2f}-{row.end_seconds:.2f}"
            lines.append(
                f"{row.track:>5}  {frames:<13}  {seconds:<15}  {row.frames:>7}  {row.size:.0f} px"
            )
        return "\n".join(lines)


class _TrackRecord:
    """Collects a track's sizes, its first and last frame, and its best portrait."""

    def __init__(self, frame: Frame):
        self._first = self._last = (frame.index, frame.seconds)
        self._sizes: list[float] = []
        self.portrait: Rgb = frame.rgb
        self._best_score = -1.0

    def add(self, frame: Frame, picture: Rgb, face: Face) -> None:
        # The detector's score is low for occluded faces.
        if face.score > self._best_score:
            self._best_score = face.score
            self.portrait = warp_to_cell(picture, square_around(face.box_xyxy, _PADDING))
        self._sizes.append(face.size)
        self._last = (frame.index, frame.seconds)

    def to_row(self, track: int) -> TrackRow:
        (first_frame, start), (last_frame, end) = self._first, self._last
        return TrackRow(
            track=track,
            first_frame=first_frame,
            last_frame=last_frame,
            start_seconds=round(start, 3),
            end_seconds=round(end, 3),
            frames=len(self._sizes),
            size=round(float(np.median(self._sizes)), 1),
        )


def list_tracks(target: Path, sheet: Path | None = None) -> ProgressGenerator[TracksSummary]:
    """Find and track all faces of a video, as `convert` does.

    Args:
        target: The video.
        sheet: A PNG to write with the portrait of each track.

    Returns:
        The tracks.

    Raises:
        NoFaceFound: The video has no face.
        FaceloomError: As `probe_source`.
    """
    info = probe_source(target)
    finder = FaceFinder(detect_every=DETECT_EVERY)
    records: dict[int, _TrackRecord] = {}
    for batch in batched(read_source(info), _BATCH):
        pictures = [frame_to_upright(frame, info).square_rgb for frame in batch]
        for frame, picture, faces in zip(batch, pictures, finder.find(pictures), strict=True):
            for face in faces:
                records.setdefault(face.track, _TrackRecord(frame)).add(frame, picture, face)
        yield Progress("find", batch[-1].index + 1, info.frame_count)
    if not records:
        raise NoFaceFound(f"No face was found in {target}.")
    by_number = sorted(records.items())
    if sheet:
        cells = [Cell(record.portrait, f"track {number}") for number, record in by_number]
        write_png(sheet, draw_sheet(list(batched(cells, _COLUMNS))))
    return TracksSummary(target, tuple(record.to_row(number) for number, record in by_number))
