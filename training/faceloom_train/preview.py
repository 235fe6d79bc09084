"""The preview sheet: what each decoder makes of everybody's faces."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from faceloom.arrays import Rgb, to_levels
from faceloom.pictures import write_png
from faceloom_train.augment import middle_of
from faceloom_train.data import TrainingFaces
from faceloom_train.draw import draw_as
from faceloom_train.model import SwapModel

_ROWS = 6
# Small networks are shown enlarged, so that a person sees more than stamps.
_CELL = 128


def write_preview(model: SwapModel, faces: Sequence[TrainingFaces], path: Path) -> None:
    """Write a PNG: for each pair of identities A, A->A, A->B and B, B->B, B->A, a few faces of each."""
    write_png(path, np.concatenate([_pair(model, faces, a, b) for a, b in combinations(range(len(faces)), 2)]))


def _pair(model: SwapModel, faces: Sequence[TrainingFaces], a: int, b: int) -> Rgb:
    left, right = _columns(model, faces[a], a, b), _columns(model, faces[b], b, a)
    return np.concatenate([left, right], axis=1)


def _columns(model: SwapModel, faces: TrainingFaces, own: int, other: int) -> Rgb:
    """Columns: the faces, drawn by their own decoder, drawn by the other's."""
    chosen = np.linspace(0, len(faces.crops) - 1, min(_ROWS, len(faces.crops))).round().astype(int)
    crops = middle_of(faces.crops[chosen], model.crop.size)
    rgb, mask = crops[..., :3], crops[..., 3:]
    drawn = [draw_as(model, rgb, mask, number)[..., :3] for number in (own, other)]
    return np.concatenate([_column(pictures) for pictures in (rgb, *drawn)], axis=1)


def _column(pictures: Float32[np.ndarray, "n s s 3"]) -> UInt8[np.ndarray, "h w 3"]:
    size = (_CELL, _CELL)
    return np.concatenate([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in to_levels(pictures * 255)])
