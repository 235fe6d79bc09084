"""Cut detection: the first frame of each shot."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32

# Mean change of a thumbnail's pixels, as a fraction of white, above which there may be a cut.
_MIN_CHANGE = 0.08
# A cut changes a frame by this many times as much as the frames before it changed: a fast pan
# exceeds _MIN_CHANGE, but not this.
_MIN_CHANGE_RATIO = 4.0
# Weight of a new frame's change in the running mean of changes.
_NEW_WEIGHT = 0.2
# Weight of the changes before it.
_OLD_WEIGHT = 0.8
# Width and height of the thumbnail in pixels.
_THUMBNAIL_WH = (32, 18)
# Every n-th pixel of each axis is averaged; averaging all of them takes ten times as long.
_SUBSAMPLING = 4


@dataclass(frozen=True, slots=True)
class CutState:
    """State of a cut detector after a frame."""

    thumbnail: Float32[np.ndarray, "18 32 3"] | None = None
    """The last frame in small, 0..1; None before the first frame."""
    typical_change: float = 0.0
    """Running mean of the change from frame to frame, as a fraction of white."""


class CutDetector:
    """Tells for each frame in order whether it begins a shot."""

    def __init__(self) -> None:
        """Begin before the first frame."""
        self.state = CutState()

    def begins_shot(self, picture: Rgb) -> bool:
        """Compare a frame with the one before it.

        Args:
            picture: The next frame.

        Returns:
            True for the first frame after a cut, and for the first frame of all.
        """
        small = cv2.resize(_subsample(picture), _THUMBNAIL_WH, interpolation=cv2.INTER_AREA)
        thumbnail = float32(small) / 255
        last, typical = self.state.thumbnail, self.state.typical_change
        if last is None:
            self.state = CutState(thumbnail, typical)
            return True
        change = float(np.abs(thumbnail - last).mean())
        cut = change > _MIN_CHANGE and change > _MIN_CHANGE_RATIO * typical
        if not cut:
            typical = _OLD_WEIGHT * typical + _NEW_WEIGHT * change
        self.state = CutState(thumbnail, typical)
        return cut


def _subsample(picture: Rgb) -> Rgb:
    """Return the first pixel of each block; blocks that are cut off are left out."""
    height, width = picture.shape[:2]
    step = max(1, min(_SUBSAMPLING, min(height, width) // 32))
    size_wh = width // step, height // step
    whole = picture[: size_wh[1] * step, : size_wh[0] * step]
    # NumPy takes ten times as long for this.
    return np.asarray(cv2.resize(whole, size_wh, interpolation=cv2.INTER_NEAREST), np.uint8)
