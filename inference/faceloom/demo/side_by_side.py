"""Target, swap and exact truth above each other at a few moments."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faceloom.arrays import Rgb
from faceloom.pictures import write_png
from faceloom.video import read_frames

_MOMENTS = 6


def write_side_by_side(videos: Sequence[Path], path: Path) -> None:
    """Write a PNG with a row for each video (of one length and size) and a column for each moment."""
    rows = [_row([frame.rgb for frame in read_frames(video)]) for video in videos]
    write_png(path, np.concatenate(rows))


def _row(frames: Sequence[Rgb]) -> Rgb:
    chosen = np.linspace(0, len(frames) - 1, _MOMENTS).round().astype(int)
    return np.concatenate([frames[number] for number in chosen], axis=1)
