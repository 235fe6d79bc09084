"""Limit a matched face's variation of chroma to the target's.

A mean color alone leaves pink lips and bluish brows in gray and toned footage, whose chroma varies
little or only with lightness.
"""

import cv2
import numpy as np

from faceloom.array_types import float32
from faceloom.color import ChromaSpread, Lab

# Smallest spread, to divide by.
_LEAST_SPREAD = 1e-3
# Factors closer to 1 than this do not change a face visibly.
_NEGLIGIBLE = 0.02


def limit_chroma(matched: Lab, own: ChromaSpread, target: ChromaSpread) -> Lab | None:
    """Reduce a matched face's variation of chroma to the target's; a smaller one stays.

    Chroma follows lightness as in the target where the target is toned or varies less.

    Args:
        matched: The matched face.
        own: Its spread.
        target: The target's spread.

    Returns:
        The face with limited chroma; None if it needs no change.
    """
    factor = min(1.0, target.rest / max(own.rest, _LEAST_SPREAD))
    slopes = [float(np.linalg.norm(spread.slope)) for spread in (own, target)]
    replaced = max(target.toned, 1 - min(1.0, slopes[1] / max(slopes[0], _LEAST_SPREAD)))
    if factor > 1 - _NEGLIGIBLE and replaced < _NEGLIGIBLE:
        return None
    slope = own.slope + replaced * (target.slope - own.slope)
    # mean + factor * (chroma - mean - own.slope * lightness) + slope * lightness
    # Arithmetic on planes takes a quarter of the time of that on slices of the last axis.
    lightness, *chroma = cv2.split(matched)
    centered = lightness - own.mean[0]
    followed = slope - factor * own.slope
    offset = (1 - factor) * target.mean[1:]
    limited = [
        factor * plane + centered * followed[channel] + offset[channel]
        for channel, plane in enumerate(chroma)
    ]
    return float32(cv2.merge([lightness, *limited]))
