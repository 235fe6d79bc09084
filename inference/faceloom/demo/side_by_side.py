"""Show several versions of a video below each other at a few frames."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faceloom.array_types import Affine, Rgb, float32
from faceloom.faces.alignment import crop_face
from faceloom.faces.face_finder import FaceFinder
from faceloom.image_io import write_png
from faceloom.video import read_frames

# Number of frames that are shown.
_COLUMNS = 6
# Side of a cell, in pixels.
_CELL_SIDE = 256
# Side of the shown square, in multiples of the bounding box's longer side.
_PADDING = 1.5


def write_side_by_side(target: Path, others: Sequence[Path], path: Path) -> None:
    """Write a PNG with a column for each frame and a row for each version of a video.

    All rows show the square around the target's face.

    Args:
        target: The original video, the first row.
        others: Other versions of it, with the same frames.
        path: The PNG to write.
    """
    frames = [frame.rgb for frame in read_frames(target)]
    indices = np.linspace(0, len(frames) - 1, _COLUMNS).round().astype(int)
    target_row = [frames[index] for index in indices]
    to_cells = [_frame_to_cell(picture) for picture in target_row]
    rows = [target_row]
    for other in others:
        frames = [frame.rgb for frame in read_frames(other)]
        rows.append([frames[index] for index in indices])
    cells = [
        [
            crop_face(picture, to_cell, _CELL_SIDE)
            for picture, to_cell in zip(row, to_cells, strict=True)
        ]
        for row in rows
    ]
    write_png(path, np.concatenate([np.concatenate(row, axis=1) for row in cells]))


def _frame_to_cell(picture: Rgb) -> Affine:
    """Return the map to a cell around the picture's face, or at its upper left without a face."""
    height, width = picture.shape[:2]
    faces = FaceFinder().find([picture])[0]
    side = min(height, width)
    box = faces[0].box_xyxy if faces else float32([0, 0, side, side])
    scale = _CELL_SIDE / (_PADDING * float((box[2:] - box[:2]).max()))
    shift = _CELL_SIDE / 2 - scale * (box[:2] + box[2:]) / 2
    return float32([[scale, 0, shift[0]], [0, scale, shift[1]]])
