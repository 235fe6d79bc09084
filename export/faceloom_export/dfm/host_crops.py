"""How the programs that run .dfm files cut a face, and where our crop lies in theirs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from faceloom.array_types import float32
from faceloom.errors import UsageError
from faceloom.faces.alignment import WHOLE_FACE, CropGeometry, umeyama

# The five points of each one's crop in 0..1 of its side, measured with each program at its default settings.
HOSTS = {
    "dfl": WHOLE_FACE,
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


_SMALLEST = 32


@dataclass(frozen=True, slots=True)
class Window:
    """The network's square of `size` pixels in a host's of `side`, `left` and `top` from its corner; it may stand out.

    Both have pixels of one scale, so that nothing is resampled: the host's side is rounded to whole pixels (at most
    0.6 % off at 96), the corner to the nearest.
    """

    side: int
    size: int
    left: int
    top: int

    @classmethod
    def of(cls, crop: CropGeometry, host: str) -> "Window":
        """Return the window of a crop in a host's (a key of HOSTS); raise UsageError if that would be tiny."""
        to_crop = umeyama(float32(HOSTS[host]), crop.template_xy())
        # The map's rotation, of at most a quarter of a degree, is left out.
        side = round(float(np.hypot(*to_crop[:, 0])))
        if side < _SMALLEST:
            raise UsageError(
                f"A .dfm of this network would be {side} pixels wide and {_SMALLEST} is the least."
            )
        middle = to_crop[:, :2] @ float32([0.5, 0.5]) + to_crop[:, 2]
        left, top = np.rint((side - 1) / 2 - middle).astype(int)
        return cls(side, crop.size, int(left), int(top))

    def inner(self, x: Any) -> Any:
        """[n, side, side, c] -> [n, size, size, c]: the network's square; what the host does not show is mirrored."""
        cut = x[
            :, max(0, self.top) : self.top + self.size, max(0, self.left) : self.left + self.size
        ]
        lacks = [[max(0, -at), max(0, at + self.size - self.side)] for at in (self.top, self.left)]
        return tf.pad(cut, [[0, 0], *lacks, [0, 0]], "REFLECT") if np.any(lacks) else cut

    def outer(self, x: Any) -> Any:
        """[n, size, size, c] -> [n, side, side, c]: the host's square, 0 where the network sees nothing."""
        lacks = [[max(0, at), max(0, self.side - at - self.size)] for at in (self.top, self.left)]
        framed = tf.pad(x, [[0, 0], *lacks, [0, 0]]) if np.any(lacks) else x
        above, before = max(0, -self.top), max(0, -self.left)
        return framed[:, above : above + self.side, before : before + self.side]

    def beyond(self) -> Any:
        """Return 1 where the network sees nothing, [1, side, side, 1]."""
        return 1 - self.outer(tf.ones((1, self.size, self.size, 1)))
