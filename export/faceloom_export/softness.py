"""How much a network's faces are to be sharpened, to be as detailed as the person's own."""

import cv2
import numpy as np

from faceloom.compare.pictures import fine_detail
from faceloom.swap.blend import sharpen
from faceloom.swap.source import Swapped

# What the runner's `sharpen` is tried with. On real footage more of it was seen as rings round eyes and teeth.
_AMOUNTS = (0.0, 0.1, 0.2, 0.3, 0.4)
# A face's edge to what lies around it is no detail of it: so wide a rim, in shares of the side, is left out.
_RIM = 0.04
_INSIDE = 128


def needed_sharpening(own: Swapped, drawn: Swapped) -> float:
    """Return the least amount of `sharpen`, 0..0.4, with which drawn faces are as detailed as the person's own.

    own, drawn: crops of the network's size and where the face is in them. drawn: what the network makes of other
    people. What it cannot place to the pixel it draws softly, and theirs more than the person's own faces, which it
    has learned to redraw. 0 if no face has an inside.
    """
    wanted = _mean_detail(own, 0)
    if wanted is None or _mean_detail(drawn, 0) is None:
        return 0.0
    enough = (amount for amount in _AMOUNTS if (_mean_detail(drawn, amount) or 0) >= wanted)
    return next(enough, _AMOUNTS[-1])


def _mean_detail(faces: Swapped, amount: float) -> float | None:
    """Mean fine detail of faces, once they are sharpened."""
    size = faces.faces.shape[1]
    rim = np.ones((2 * round(_RIM * size) + 1,) * 2, np.uint8)
    found = []
    for face, mask in zip(faces.faces, faces.masks, strict=True):
        inside = cv2.erode(mask, rim, borderType=cv2.BORDER_CONSTANT, borderValue=0) >= _INSIDE
        if inside.any():
            found.append(fine_detail(sharpen(face, amount), inside))
    return float(np.mean(found)) if found else None
