"""Dense optical flow between two pictures."""

from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb, float32

# Displacement (x, y) in pixels of each pixel of the first picture to the second.
Flow: TypeAlias = Float32[np.ndarray, "h w 2"]


class OpticalFlow:
    """Dense inverse search.

    T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
    """

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def between(self, a: Rgb, b: Rgb) -> Flow:
        """Compute the flow from one picture to another.

        Args:
            a: First picture.
            b: Second picture, of the same size.

        Returns:
            The displacement of each pixel of `a`.
        """
        gray = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (a, b)]
        empty = np.zeros((*a.shape[:2], 2), np.float32)
        return float32(self._search.calc(gray[0], gray[1], empty))


def warp_back(picture: Rgb, flow: Flow) -> Rgb:
    """Sample the second picture of a flow at the positions of the first one's pixels.

    Args:
        picture: Second picture of the flow.
        flow: Displacement of the first picture's pixels.

    Returns:
        `picture`, aligned with the first picture.
    """
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    warped = cv2.remap(
        picture,
        x + flow[..., 0],
        y + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)
