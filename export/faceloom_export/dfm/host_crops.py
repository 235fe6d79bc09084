"""How each host program crops a face, and where the network's crop lies in that square."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from faceloom.array_types import float32
from faceloom.errors import UsageError
from faceloom.faces.alignment import WHOLE_FACE_TEMPLATE, CropGeometry, umeyama
from faceloom_export.dfm.host_programs import HostProgram

# The five points in each program's crop, (x, y) in 0..1 of its side, measured with the program at
# its default settings.
HOST_FIVE_POINTS: dict[HostProgram, tuple[tuple[float, float], ...]] = {
    "dfl": WHOLE_FACE_TEMPLATE,
    "deepfacelive": (
        (0.3752, 0.4073),
        (0.6158, 0.4073),
        (0.4955, 0.5435),
        (0.3883, 0.6637),
        (0.6028, 0.6637),
    ),
    "facefusion": (
        (0.3534, 0.3929),
        (0.6280, 0.3929),
        (0.4866, 0.5402),
        (0.3884, 0.6875),
        (0.5982, 0.6875),
    ),
    "visomaster": (
        (0.3617, 0.4039),
        (0.6370, 0.4024),
        (0.5002, 0.5604),
        (0.3871, 0.7215),
        (0.6151, 0.7203),
    ),
}

# The smallest side of a .dfm's input in pixels: below this a face has too few pixels to be of use.
_MIN_SIDE = 32


@dataclass(frozen=True, slots=True)
class CropWindow:
    """The network's square crop inside the host program's square crop.

    Both squares have the same scale, so nothing is resampled: the side of the host program's
    square is rounded to whole pixels (at most 0.6 % off at 96 pixels), the corner to the nearest.
    """

    side: int
    """Side of the host program's square in pixels."""
    size: int
    """Side of the network's square in pixels."""
    left: int
    """Left edge of the network's square in the host's, in pixels; negative if it sticks out."""
    top: int
    """Top edge of the network's square in the host's, in pixels; negative if it sticks out."""

    @classmethod
    def of(cls, crop: CropGeometry, host: HostProgram) -> "CropWindow":
        """Return the window of the network's crop in a host program's crop.

        Args:
            crop: The network's crop.
            host: The host program.

        Raises:
            UsageError: If the host program's square would be smaller than 32 pixels.
        """
        to_crop = umeyama(float32(HOST_FIVE_POINTS[host]), crop.template_xy())
        # The rotation of this transform, at most a quarter of a degree, is ignored.
        side = round(float(np.hypot(*to_crop[:, 0])))
        if side < _MIN_SIDE:
            raise UsageError(
                f"A .dfm of this network would take faces of {side} pixels and at least "
                f"{_MIN_SIDE} are needed; train a network of a larger size."
            )
        center = to_crop[:, :2] @ float32([0.5, 0.5]) + to_crop[:, 2]
        left, top = np.rint((side - 1) / 2 - center).astype(int)
        return cls(side, crop.size, int(left), int(top))

    def cut(self, image: Any) -> Any:
        """Cut the network's square out of the host's; pixels outside of it are mirrored.

        Args:
            image: Tensor [n, side, side, c].

        Returns:
            Tensor [n, size, size, c].
        """
        inner = image[
            :, max(0, self.top) : self.top + self.size, max(0, self.left) : self.left + self.size
        ]
        padding = [
            [max(0, -start), max(0, start + self.size - self.side)]
            for start in (self.top, self.left)
        ]
        if not np.any(padding):
            return inner
        return tf.pad(inner, [[0, 0], *padding, [0, 0]], "REFLECT")

    def place(self, image: Any) -> Any:
        """Place the network's square in the host's; pixels outside of it are 0.

        Args:
            image: Tensor [n, size, size, c].

        Returns:
            Tensor [n, side, side, c].
        """
        padding = [
            [max(0, start), max(0, self.side - start - self.size)]
            for start in (self.top, self.left)
        ]
        padded = tf.pad(image, [[0, 0], *padding, [0, 0]]) if np.any(padding) else image
        top, left = max(0, -self.top), max(0, -self.left)
        return padded[:, top : top + self.side, left : left + self.side]

    def outside(self) -> Any:
        """Return a tensor [1, side, side, 1]: 1 outside the network's square, 0 inside."""
        return 1 - self.place(tf.ones((1, self.size, self.size, 1)))
