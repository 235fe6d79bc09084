"""Arrange labeled pictures in the cells of one sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Affine, Mask, Rgb, float32, to_uint8

# Side of a cell's picture, in pixels.
CELL_SIDE = 288
# Height of the strip with the label below a picture, in pixels.
_LABEL_HEIGHT = 22
# Distance of the label's baseline from the cell's lower edge, in pixels.
_LABEL_BASELINE = 7
# Distance of the label from the cell's left edge, in pixels.
_LABEL_LEFT = 5
# Size of the label's font, in units of OpenCV's.
_FONT_SCALE = 0.42
# Background of a cell, a gray level.
_BACKGROUND = 24
# Color of the label, RGB.
_TEXT_COLOR = (235, 235, 235)
# Color that a mask is shown in, RGB.
_TINT = float32([40, 200, 90])
# Opacity of that color.
_TINT_OPACITY = 0.6


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture with a label."""

    picture: Rgb
    """The picture, of any size."""
    label: str
    """ASCII text below it; a cell without text stays empty."""


def draw_sheet(rows: Sequence[Sequence[Cell]], side: int = CELL_SIDE) -> Rgb:
    """Draw rows of cells of one size; short rows are padded with empty cells.

    Args:
        rows: The cells.
        side: Side of a cell's picture, in pixels.

    Returns:
        The sheet, [height, width, 3].
    """
    width = max(len(row) for row in rows)
    empty = Cell(np.zeros((1, 1, 3), np.uint8), "")
    lines = [
        np.concatenate(
            [_draw_cell(cell, side) for cell in (*row, *[empty] * (width - len(row)))], 1
        )
        for row in rows
    ]
    return np.concatenate(lines)


def square_around(
    box_xyxy: Float32[np.ndarray, "4"], padding: float, side: int = CELL_SIDE
) -> Affine:
    """Return the map from a picture to a square cell around a bounding box.

    Args:
        box_xyxy: The bounding box, in pixels of the picture.
        padding: Side of the shown square, in multiples of the box's longer side.
        side: Side of the cell, in pixels.
    """
    scale = side / (padding * float((box_xyxy[2:] - box_xyxy[:2]).max()))
    shift = side / 2 - scale * (box_xyxy[:2] + box_xyxy[2:]) / 2
    return float32([[scale, 0, shift[0]], [0, scale, shift[1]]])


def warp_to_cell(picture: Rgb, picture_to_cell: Affine, side: int = CELL_SIDE) -> Rgb:
    """Return the part of a picture that a cell shows; outside the picture it is black.

    Args:
        picture: The picture.
        picture_to_cell: The map to pixels of the cell.
        side: Side of the cell, in pixels.
    """
    warped = cv2.warpAffine(picture, picture_to_cell, (side, side), flags=cv2.INTER_LINEAR)
    return np.asarray(warped, np.uint8)


def tint_mask(picture: Rgb, mask: Mask) -> Rgb:
    """Return a picture with the masked part tinted green.

    Args:
        picture: The picture, [height, width, 3].
        mask: The mask, [height, width].
    """
    opacity = float32(mask)[..., None] / 255 * _TINT_OPACITY
    return to_uint8(picture * (1 - opacity) + _TINT * opacity)


def _draw_cell(cell: Cell, side: int) -> Rgb:
    canvas = np.full((side + _LABEL_HEIGHT, side, 3), _BACKGROUND, np.uint8)
    if not cell.label:
        return canvas
    height, width = cell.picture.shape[:2]
    scale = side / max(height, width)
    fitted_wh = max(1, round(width * scale)), max(1, round(height * scale))
    # Small crops are enlarged without smoothing: a sheet must not look better than the prediction.
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    fitted = cv2.resize(cell.picture, fitted_wh, interpolation=interpolation)
    canvas[: fitted_wh[1], : fitted_wh[0]] = fitted
    origin = (_LABEL_LEFT, side + _LABEL_HEIGHT - _LABEL_BASELINE)
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(canvas, cell.label, origin, font, _FONT_SCALE, _TEXT_COLOR, 1, cv2.LINE_AA)
    return canvas
