"""Target, swap and exact truth above each other at a few moments."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faceloom.array_types import Rgb, float32
from faceloom.faces.alignment import crop_face
from faceloom.faces.face_finder import FaceFinder
from faceloom.image_io import write_png
from faceloom.video import read_frames

_MOMENTS = 6
# Pixels of a cell's side, and how much of the picture it shows, in sides of the face's box.
_CELL, _ROOM = 256, 1.5


def write_side_by_side(target: Path, others: Sequence[Path], path: Path) -> None:
    """Write a PNG: a column for each moment, a row for `target` and for each other version of the same clip.

    All rows show the square round the target's face.
    """
    frames = [frame.rgb for frame in read_frames(target)]
    chosen = np.linspace(0, len(frames) - 1, _MOMENTS).round().astype(int)
    moments = [frames[number] for number in chosen]
    squares = [_square(picture) for picture in moments]
    rows = [moments]
    for other in others:
        pictures = [frame.rgb for frame in read_frames(other)]
        rows.append([pictures[number] for number in chosen])
    cells = [[crop_face(p, s, _CELL) for p, s in zip(row, squares, strict=True)] for row in rows]
    write_png(path, np.concatenate([np.concatenate(row, axis=1) for row in cells]))


def _square(picture: Rgb) -> np.ndarray:
    """The map from the picture to a cell round its face, or to its middle if there is none."""
    height, width = picture.shape[:2]
    faces = FaceFinder().find([picture])[0]
    box = faces[0].box_xyxy if faces else float32([0, 0, min(height, width), min(height, width)])
    scale = _CELL / (_ROOM * float((box[2:] - box[:2]).max()))
    shift = _CELL / 2 - scale * (box[:2] + box[2:]) / 2
    return float32([[scale, 0, shift[0]], [0, scale, shift[1]]])
