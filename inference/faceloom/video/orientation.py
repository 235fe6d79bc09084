"""How a coded picture is turned and mirrored for display: the eight orientations of EXIF."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type

from faceloom.array_types import Picture

# Left, top, right, bottom; right and bottom are exclusive.
_Box = tuple[int, int, int, int]


def _name_unknown_type(cls: type[Type], value: object) -> Type:
    """Return a member for a kind of side data that PyAV does not name."""
    member: Any = object.__new__(cls)
    member._name_, member._value_ = f"UNKNOWN_{value}", value
    return member  # type: ignore[no-any-return]


# PyAV 18 refuses all side data of a frame that has a kind which its FFmpeg knows and it does not,
# such as EXIF. PyAV 19 names it like this.
if "_missing_" not in vars(Type):
    Type._missing_ = classmethod(_name_unknown_type)  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a viewer shows a coded picture: rotated, then mirrored left to right."""

    rotation: int = 0
    """Degrees counter-clockwise: 0, 90, 180 or 270."""

    mirrored: bool = False
    """Whether left and right are exchanged after the rotation."""

    @classmethod
    def from_matrix(cls, matrix: Sequence[int]) -> "Orientation":
        """Return the orientation of a display matrix, rounded to a quarter turn.

        Args:
            matrix: Nine numbers, row by row, in FFmpeg's layout (libavutil/display.h): a point
                (x, y) is shown at x' = m[0] x + m[3] y and y' = m[1] x + m[4] y.
        """
        mirrored = matrix[0] * matrix[4] - matrix[1] * matrix[3] < 0
        x_axis = -matrix[0] if mirrored else matrix[0]
        quarters = round(math.atan2(-matrix[1], x_axis) / (math.pi / 2))
        return cls(quarters % 4 * 90, mirrored)

    @classmethod
    def of_frame(cls, decoded: av.VideoFrame) -> "Orientation":
        """Return the orientation that a container or EXIF gives a decoded frame.

        Args:
            decoded: The decoder's output.
        """
        # Any: PyAV's stubs do not know that it is a buffer.
        data: Any = decoded.side_data.get("DISPLAYMATRIX")
        if data is None:
            return cls()
        return cls.from_matrix(struct.unpack("=9i", bytes(data)))

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height are exchanged."""
        return self.rotation in (90, 270)

    def to_upright(self, picture: Picture) -> Picture:
        """Turn a coded picture to how a viewer shows it.

        Args:
            picture: The picture, [height, width] or [height, width, channels].
        """
        upright = np.rot90(picture, self.rotation // 90)
        return np.ascontiguousarray(upright[:, ::-1] if self.mirrored else upright)

    def to_coded(self, picture: Picture) -> Picture:
        """Undo `to_upright`.

        Args:
            picture: The upright picture, [height, width] or [height, width, channels].
        """
        rotated = picture[:, ::-1] if self.mirrored else picture
        return np.ascontiguousarray(np.rot90(rotated, -self.rotation // 90))

    def box_to_coded(self, box: _Box, width: int, height: int) -> _Box:
        """Map a rectangle of the upright picture to the coded picture.

        Args:
            box: Left, top, right and bottom in the upright picture; the last two are exclusive.
            width: Width of the coded picture.
            height: Height of the coded picture.
        """
        left, top, right, bottom = box
        if self.mirrored:
            across = height if self.swaps_sides else width
            left, right = across - right, across - left
        if self.rotation == 90:
            return width - bottom, left, width - top, right
        if self.rotation == 180:
            return width - right, height - bottom, width - left, height - top
        if self.rotation == 270:
            return top, height - right, bottom, height - left
        return left, top, right, bottom
