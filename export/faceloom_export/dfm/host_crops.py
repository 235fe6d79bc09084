"""How each host program crops a face, and where the network's crop lies in that square."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from jaxtyping import Float32

from faceloom.array_types import float32
from faceloom.errors import UsageError
from faceloom.faces.alignment import WHOLE_FACE_TEMPLATE, CropGeometry, umeyama
from faceloom_export.dfm.host_programs import HostProgram


@dataclass(frozen=True, slots=True)
class HostCrop:
    """The square that a host program cuts out of a frame, and what it does with the output."""

    zoom: float = 1.0
    """Side of DeepFaceLab's whole face, in sides of the square."""
    center: tuple[float, float] = (0.5, 0.5)
    """Where the middle of DeepFaceLab's whole face lies in the square, (x, y) in sides."""
    least_side: int = 0
    """Side in pixels that the program's own sizes suit: that of its square, or its blurs'."""
    ignores_masks: bool = False
    """Whether the whole square is shown, whatever the masks are."""

    def template(self) -> tuple[tuple[float, float], ...]:
        """Return where the five points of a face lie, (x, y) in sides of the square."""
        left, top = (middle - self.zoom / 2 for middle in self.center)
        return tuple((left + self.zoom * x, top + self.zoom * y) for x, y in WHOLE_FACE_TEMPLATE)


# Measured with each program's arithmetic at its default settings, over frames of five clips of five
# people; DeepFaceLive, which aligns by 468 points, over 40 frames of one clip.
HOST_CROPS: dict[HostProgram, HostCrop] = {
    "dfl": HostCrop(),
    "deepfacelive": HostCrop(1.023, (0.5012, 0.5074)),
    # It erodes the mask by 2 pixels, blurs it with a standard deviation of 6.25, and sharpens.
    "facefusion": HostCrop(1.076, (0.4984, 0.5077), least_side=200),
    # One point of its template lies elsewhere than meant, which shifts the square of 512 pixels.
    "visomaster": HostCrop(1.011, (0.4575, 0.5437), least_side=512, ignores_masks=True),
}

# The smallest side of a .dfm's input in pixels: below this a face has too few pixels to be of use.
_MIN_SIDE = 32


@dataclass(frozen=True, slots=True)
class CropWindow:
    """The network's square crop inside the host program's square crop.

    Pixels of the host program's square are a whole part of the network's, so that little is
    resampled: the side of the square is rounded to whole pixels of the network (at most 0.6 % off
    at 96 pixels), the corner to the nearest.
    """

    factor: int
    """How many pixels of the host program are a pixel of the network, along a side."""
    side: int
    """Side of the host program's square in pixels of the network."""
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
        host_crop = HOST_CROPS[host]
        to_crop = umeyama(float32(host_crop.template()), crop.template_xy())
        side = round(float(np.hypot(*to_crop[:, 0])))
        if side < _MIN_SIDE:
            raise UsageError(
                f"A .dfm of this network would take faces of {side} pixels and at least "
                f"{_MIN_SIDE} are needed; train a network of a larger size."
            )
        center = to_crop[:, :2] @ float32([0.5, 0.5]) + to_crop[:, 2]
        left, top = np.rint((side - 1) / 2 - center).astype(int)
        factor = max(1, -(-host_crop.least_side // side))
        return cls(factor, side, crop.size, int(left), int(top))

    @property
    def host_side(self) -> int:
        """Side of the host program's square in its pixels."""
        return self.factor * self.side

    def cut(self, image: Any) -> Any:
        """Cut the network's square out of the host's; pixels outside of it are mirrored.

        Args:
            image: Tensor [n, host_side, host_side, c].

        Returns:
            Tensor [n, size, size, c].
        """
        if self.factor > 1:
            image = tf.nn.avg_pool2d(image, self.factor, self.factor, "VALID")
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
            Tensor [n, host_side, host_side, c], not clipped where it was enlarged.
        """
        if self.factor > 1:
            # Before what is outside is added, so that none of it is mixed in.
            size = self.factor * self.size
            image = tf.image.resize(image, (size, size), "bicubic")
        padding = [
            [
                self.factor * max(0, start),
                self.factor * max(0, self.side - start - self.size),
            ]
            for start in (self.top, self.left)
        ]
        padded = tf.pad(image, [[0, 0], *padding, [0, 0]]) if np.any(padding) else image
        top, left = (self.factor * max(0, -start) for start in (self.top, self.left))
        return padded[:, top : top + self.host_side, left : left + self.host_side]

    def outside(self) -> Float32[np.ndarray, "1 r r 1"]:
        """Return 1 outside the network's square and 0 inside."""
        outside = np.ones((1, self.side, self.side, 1), np.float32)
        rows, columns = (
            slice(max(0, start), max(0, start + self.size)) for start in (self.top, self.left)
        )
        outside[:, rows, columns] = 0
        return outside.repeat(self.factor, 1).repeat(self.factor, 2)
