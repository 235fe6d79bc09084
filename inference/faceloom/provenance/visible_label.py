"""A label that people see: a line of text on a dark plate, drawn into every frame."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.errors import UsageError
from faceloom.video import Box

LabelPosition = Literal["top-left", "top-right", "bottom-left", "bottom-right"]

# Of the picture's height: the letters, and the least pixels that can be read.
_HEIGHT, _LEAST = 0.04, 9
# Of each side: what screens and players may cover (EBU R 95 keeps text in the inner 90 %).
_SAFE = 0.05
# Round the letters, in heights of theirs, and how much the plate lets through.
_ROOM, _THROUGH = 0.35, 0.3
_WEIGHT = 600


@dataclass(frozen=True, slots=True)
class Label:
    """The text, and in which corner of the upright picture it stands."""

    text: str
    position: LabelPosition = "bottom-left"

    def check(self) -> None:
        """Raise UsageError if it is no single line of text."""
        if not self.text.strip() or not self.text.isprintable():
            raise UsageError("--label needs one line of text to show.")

    def draw(self, picture: Rgb) -> Box:
        """Draw it into an upright picture, in place; return the rectangle that is another one now.

        Raises UsageError if the text is too long to be read in a picture of this size.
        """
        height, width = picture.shape[:2]
        letters, (left, top) = _plate(self.text, self.position, height, width)
        rows, columns = letters.shape
        inside = picture[top : top + rows, left : left + columns]
        opaque = letters[..., None].astype(np.float32) / 255
        inside[:] = np.rint(inside * (_THROUGH * (1 - opaque)) + 255 * opaque).astype(np.uint8)
        return left, top, left + columns, top + rows


@lru_cache(maxsize=8)
def _plate(text: str, position: str, height: int, width: int) -> tuple[Mask, tuple[int, int]]:
    """Return the letters as a mask of the plate's size, and where in the picture its corner is."""
    margin_x, margin_y = round(width * _SAFE), round(height * _SAFE)
    for size in range(max(_LEAST, round(height * _HEIGHT)), _LEAST - 1, -1):
        letters = _letters(text, size)
        rows, columns = letters.shape
        if columns <= width - 2 * margin_x and rows <= height - 2 * margin_y:
            left = margin_x if position.endswith("left") else width - margin_x - columns
            top = margin_y if position.startswith("top") else height - margin_y - rows
            return letters, (left, top)
    raise UsageError(
        f"--label {text!r} cannot be read in a picture of {width}x{height}; give a shorter text."
    )


def _letters(text: str, size: int) -> Mask:
    face, room = cv2.FontFace("sans"), round(size * _ROOM)
    # All of a line's letters fit between these, so that plates of one size have one height.
    rows = round(size * 1.25) + 2 * room
    _, _, columns, _ = cv2.getTextSize((0, 0), text, (0, 0), face, size, _WEIGHT)
    canvas = np.zeros((rows, columns + 2 * room, 3), np.uint8)
    cv2.putText(canvas, text, (room, room + size), (255, 255, 255), face, size, _WEIGHT)
    return np.ascontiguousarray(canvas[..., 0])
