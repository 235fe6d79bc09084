"""Who is in a clip, by the numbers that conversion counts faces with."""

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
from faceloom.video.rotation import to_upright

_BATCH, _ROOM, _COLUMNS = 8, 1.5, 6


@dataclass(frozen=True, slots=True)
class TrackRow:
    """One face while it is followed. Frames count from 0, times are seconds, sizes pixels of its box."""

    track: int
    first: int
    last: int
    begins: float
    ends: float
    frames: int
    size: float


@dataclass(frozen=True, slots=True)
class TracksSummary:
    """The tracks of a clip in the order in which they begin. What `--select track:N` chooses from."""

    target: Path
    tracks: tuple[TrackRow, ...]

    def to_text(self) -> str:
        """Return a table."""
        lines = ["track  frames         seconds          seen in  size"]
        lines += [
            f"{row.track:>5}  {f'{row.first}-{row.last}':<13}  {f'{row.begins:.2f}-{row.ends:.2f}':<15}  "
            f"{row.frames:>7}  {row.size:.0f} px"
            for row in self.tracks
        ]
        return "\n".join(lines)


class _Track:
    """What is gathered of a track: its sizes, its ends, and how it looks where the detector is surest of it."""

    def __init__(self, frame: Frame):
        self.first = self.last = (frame.index, frame.seconds)
        self.sizes: list[float] = []
        self.portrait: Rgb = frame.rgb
        self._score = -1.0

    def add(self, frame: Frame, picture: Rgb, face: Face) -> None:
        # A hand before the face makes the detector doubt.
        if face.score > self._score:
            self._score = face.score
            self.portrait = warp_to_cell(picture, square_around(face.box_xyxy, _ROOM))
        self.sizes.append(face.size)
        self.last = (frame.index, frame.seconds)

    def row(self, number: int) -> TrackRow:
        (first, begins), (last, ends) = self.first, self.last
        size = round(float(np.median(self.sizes)), 1)
        return TrackRow(
            number, first, last, round(begins, 3), round(ends, 3), len(self.sizes), size
        )


def list_tracks(target: Path, sheet: Path | None = None) -> ProgressGenerator[TracksSummary]:
    """Find and follow all faces of a clip as `convert` does; write a sheet of their portraits if asked to.

    Raises NoFaceFound if there is none, and what `probe_source` raises.
    """
    info = probe_source(target)
    finder = FaceFinder(detect_every=DETECT_EVERY)
    tracks: dict[int, _Track] = {}
    for group in batched(read_source(info), _BATCH):
        pictures = [to_upright(frame.rgb, info.rotation) for frame in group]
        for frame, picture, faces in zip(group, pictures, finder.find(pictures), strict=True):
            for face in faces:
                tracks.setdefault(face.track, _Track(frame)).add(frame, picture, face)
        yield Progress("find", group[-1].index + 1, info.frame_count)
    if not tracks:
        raise NoFaceFound(f"No face was found in {target}.")
    if sheet:
        cells = [
            Cell(track.portrait, f"track {number}") for number, track in sorted(tracks.items())
        ]
        write_png(sheet, draw_sheet(list(batched(cells, _COLUMNS))))
    return TracksSummary(
        target, tuple(track.row(number) for number, track in sorted(tracks.items()))
    )
