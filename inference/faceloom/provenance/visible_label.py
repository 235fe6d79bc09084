"""The visible label: a line of text on a dark background, rendered into every frame."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from faceloom.array_types import Mask, Rgb
from faceloom.choices import LabelPosition
from faceloom.errors import UsageError
from faceloom.video import Box

# Font size as a share of the frame's height.
_FONT_SIZE = 0.04
# Smallest legible font size in pixels.
_MIN_FONT_SIZE = 9
# Margin as a share of each side: screens and players may cover it (EBU R 95 keeps text in the
# inner 90 %).
_SAFE_MARGIN = 0.05
# Padding around the text, as a share of the font size.
_PADDING = 0.35
# Share of the frame that shows through the background.
_TRANSPARENCY = 0.3
# Corner of a label if the user gives none.
_DEFAULT_POSITION: LabelPosition = "bottom-left"
# Value of --label for the label of the EU's code of practice on marking and labeling AI-generated
# content (June 2026): text and corner for media of which a part was generated.
_EU_LABEL = "eu"
_EU_TEXT = "AI MODIFIED"
_EU_POSITION: LabelPosition = "top-right"
# OpenCV's font weight, 100 to 900 (600: semibold).
_FONT_WEIGHT = 600


@dataclass(frozen=True, slots=True)
class VisibleLabel:
    """A visible label."""

    text: str
    """One line of printable text."""

    position: LabelPosition = _DEFAULT_POSITION
    """Corner of the upright frame."""

    @classmethod
    def parse(cls, text: str, position: LabelPosition | None = None) -> "VisibleLabel":
        """Return the label for a value of `--label`.

        Args:
            text: The text, or "eu" for the text and corner of the EU's code of practice.
            position: The corner; None: the top right for "eu", the bottom left for other texts.
        """
        if text == _EU_LABEL:
            return cls(_EU_TEXT, position or _EU_POSITION)
        return cls(text, position or _DEFAULT_POSITION)

    def check(self) -> None:
        """Check the text.

        Raises:
            UsageError: If it is empty or not one line.
        """
        if not self.text.strip() or not self.text.isprintable():
            raise UsageError("--label needs one line of text.")

    def check_fits(self, width: int, height: int) -> None:
        """Check that the text is legible in a frame.

        Args:
            width: Width of the upright frame in pixels.
            height: Its height.

        Raises:
            UsageError: If the text is too long.
        """
        _layout(self.text, self.position, height, width)

    def draw(self, image: Rgb) -> Box:
        """Draw the label into an upright image, in place.

        Args:
            image: The image [height, width, 3].

        Returns:
            The rectangle that was changed.

        Raises:
            UsageError: If the text is too long to be legible in an image of this size.
        """
        height, width = image.shape[:2]
        letters, (left, top) = _layout(self.text, self.position, height, width)
        rows, columns = letters.shape
        region = image[top : top + rows, left : left + columns]
        opacity = letters[..., None].astype(np.float32) / 255
        blended = region * (_TRANSPARENCY * (1 - opacity)) + 255 * opacity
        region[:] = np.rint(blended).astype(np.uint8)
        return left, top, left + columns, top + rows


@lru_cache(maxsize=8)
def _layout(text: str, position: str, height: int, width: int) -> tuple[Mask, tuple[int, int]]:
    """Return the letters as a mask with padding, and the position (left, top) of its corner."""
    margin_x, margin_y = round(width * _SAFE_MARGIN), round(height * _SAFE_MARGIN)
    largest = max(_MIN_FONT_SIZE, round(height * _FONT_SIZE))
    for size in range(largest, _MIN_FONT_SIZE - 1, -1):
        letters = _render(text, size)
        rows, columns = letters.shape
        if columns <= width - 2 * margin_x and rows <= height - 2 * margin_y:
            left = margin_x if position.endswith("left") else width - margin_x - columns
            top = margin_y if position.startswith("top") else height - margin_y - rows
            return letters, (left, top)
    raise UsageError(
        f"--label {text!r} does not fit legibly in a frame of {width}x{height}; give a shorter "
        "text."
    )


def _render(text: str, size: int) -> Mask:
    font, padding = cv2.FontFace("sans"), round(size * _PADDING)
    # 1.25 times the size fits all letters of a line, so that every text has the same height.
    rows = round(size * 1.25) + 2 * padding
    _, _, columns, _ = cv2.getTextSize((0, 0), text, (0, 0), font, size, _FONT_WEIGHT)
    canvas = np.zeros((rows, columns + 2 * padding, 3), np.uint8)
    cv2.putText(canvas, text, (padding, padding + size), (255, 255, 255), font, size, _FONT_WEIGHT)
    return np.ascontiguousarray(canvas[..., 0])
