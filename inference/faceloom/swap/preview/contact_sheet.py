"""Labelled cells of pictures on one sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Affine, Mask, Rgb, float32, to_uint8

# Pixels of a cell's side, of the strip that its label stands in, and the tint of what a mask covers.
CELL, _STRIP = 288, 22
_TINT = float32([40, 200, 90])
_PAPER, _INK = 24, (235, 235, 235)


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture and what is said under it (ASCII)."""

    picture: Rgb
    label: str


def draw_sheet(rows: Sequence[Sequence[Cell]], side: int = CELL) -> Rgb:
    """Return rows of cells of one size, each picture fitted into its cell, short rows filled with nothing."""
    width = max(len(row) for row in rows)
    empty = Cell(np.zeros((1, 1, 3), np.uint8), "")
    drawn = [[_draw(cell, side) for cell in (*row, *[empty] * (width - len(row)))] for row in rows]
    return np.concatenate([np.concatenate(row, 1) for row in drawn])


def square_around(box_xyxy: Float32[np.ndarray, "4"], room: float, side: int = CELL) -> Affine:
    """Return the map from a picture to a square of `side` pixels round a box, `room` of its longer sides wide."""
    scale = side / (room * float((box_xyxy[2:] - box_xyxy[:2]).max()))
    shift = side / 2 - scale * (box_xyxy[:2] + box_xyxy[2:]) / 2
    return float32([[scale, 0, shift[0]], [0, scale, shift[1]]])


def warp_to_cell(picture: Rgb, to_cell: Affine, side: int = CELL) -> Rgb:
    """Return what a cell shows of a picture; beyond its edge there is nothing."""
    return np.asarray(
        cv2.warpAffine(picture, to_cell, (side, side), flags=cv2.INTER_LINEAR), np.uint8
    )


def tint_mask(picture: Rgb, mask: Mask) -> Rgb:
    """Return the picture with what a mask of its size covers tinted green."""
    share = float32(mask)[..., None] / 255 * 0.6
    return to_uint8(picture * (1 - share) + _TINT * share)


def _draw(cell: Cell, side: int) -> Rgb:
    canvas = np.full((side + _STRIP, side, 3), _PAPER, np.uint8)
    height, width = cell.picture.shape[:2]
    scale = side / max(height, width)
    fitted_wh = max(1, round(width * scale)), max(1, round(height * scale))
    # Small crops are enlarged pixel by pixel: a sheet must not look better than what the network made.
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    fitted = cv2.resize(cell.picture, fitted_wh, interpolation=way)
    if cell.label:
        canvas[: fitted_wh[1], : fitted_wh[0]] = fitted
        place = (5, side + _STRIP - 7)
        cv2.putText(canvas, cell.label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
    return canvas
