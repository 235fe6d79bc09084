"""Notice a cut: from one frame to the next the whole picture is another."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32

# A cut moves the mean pixel of a thumbnail by more than this share of white, and by several times as much
# as the frames before it moved: a fast pan does the first, not the second.
_LEAST, _TIMES = 0.08, 4.0
_THUMBNAIL_WH = (32, 18)
# Pixels of a row and rows that are passed over: averaging all of them takes ten times as long.
_THINNED = 4


@dataclass(frozen=True, slots=True)
class CutState:
    """The last thumbnail, None before the first picture, and how much a frame usually changes."""

    thumbnail: Float32[np.ndarray, "18 32 3"] | None = None
    typical_change: float = 0.0


class CutDetector:
    """Tell for each picture in turn whether it begins a new shot."""

    def __init__(self) -> None:
        self.state = CutState()

    def begins_shot(self, picture: Rgb) -> bool:
        """Return True for the first picture after a cut, and for the very first."""
        thumbnail = (
            float32(cv2.resize(_thinned(picture), _THUMBNAIL_WH, interpolation=cv2.INTER_AREA))
            / 255
        )
        last, usual = self.state.thumbnail, self.state.typical_change
        if last is None:
            self.state = CutState(thumbnail, usual)
            return True
        change = float(np.abs(thumbnail - last).mean())
        cut = change > _LEAST and change > _TIMES * usual
        self.state = CutState(thumbnail, usual if cut else 0.8 * usual + 0.2 * change)
        return cut

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return what it knows of the pictures before, as arrays by name; nothing before the first."""
        if self.state.thumbnail is None:
            return {}
        return {"cut/last": self.state.thumbnail, "cut/usual": np.array(self.state.typical_change)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what another one remembered."""
        if "cut/last" in arrays:
            self.state = CutState(float32(arrays["cut/last"]), float(arrays["cut/usual"]))


def _thinned(picture: Rgb) -> Rgb:
    step = max(1, min(_THINNED, min(picture.shape[:2]) // 32))
    return np.ascontiguousarray(picture[::step, ::step])
