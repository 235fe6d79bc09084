"""Where the pixels of one picture went in another."""

from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32

# For each pixel of the first picture its way to the second, in pixels (x, y).
Flow: TypeAlias = Float32[np.ndarray, "h w 2"]


class OpticalFlow:
    """Dense inverse search: T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def between(self, a: Rgb, b: Rgb) -> Flow:
        """Return the flow from `a` to `b`, pictures of one size."""
        gray = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (a, b)]
        empty = np.zeros((*a.shape[:2], 2), np.float32)
        return float32(self._search.calc(gray[0], gray[1], empty))


def moved_back(picture: Rgb, flow: Flow) -> Rgb:
    """Return `picture` with each pixel fetched from where `flow` says that it went."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    moved = cv2.remap(
        picture,
        x + flow[..., 0],
        y + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.uint8)
