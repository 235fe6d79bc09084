"""How far the new face reaches: the network's mask, the target's outline, and no shimmer along their edge."""

import cv2
import numpy as np

from faceloom.array_types import Mask, float32, to_levels
from faceloom.swap.options import MaskKind
from faceloom.swap.selection.track_state import TrackNotes

# How much of a new frame's mask is taken in, and the change in levels that is taken in whole: the edge of a hand that
# passes changes by all 255, the noise of a resting edge by a few.
_STEADY, _JUMP = 0.4, 96.0
# Pixels a side that a mask's edge is softened in.
_FINE = 128


def covering(how: MaskKind, learned: Mask, outline: Mask) -> Mask:
    """Return where the new face is shown: as the network says, inside the target's mesh, or where both agree.

    A hand in front of the face is left out by the learned mask alone: the mesh knows nothing of it.
    """
    if how == "learned":
        return learned
    return outline if how == "mesh" else np.minimum(learned, outline)


def steadied(mask: Mask, notes: TrackNotes) -> Mask:
    """Return the running mean of a track's masks, in pixels of its crop; what changes much is followed at once."""
    now = float32(mask)
    before = notes.get("mask", now)
    if before.shape != now.shape:
        before = now
    change = now - before
    share = np.clip(np.abs(change) / _JUMP, _STEADY, 1)
    notes["mask"] = float32(before + share * change)
    return to_levels(notes["mask"])


def soften(mask: Mask, erode: float, feather: float) -> Mask:
    """Shrink a mask and let its edge fade; `erode` and `feather` in shares of the crop's side.

    The result is 0 along the crop's border, so that no straight edge shows in the picture.
    """
    size = mask.shape[0]
    times = max(1, size // _FINE)
    if times > 1 and feather:
        # An edge that fades over pixels needs none of the large crop's: it is softened small.
        small = cv2.resize(mask, (size // times, size // times), interpolation=cv2.INTER_AREA)
        large = cv2.resize(
            soften(small, erode, feather), (size, size), interpolation=cv2.INTER_LINEAR
        )
        large[[0, -1], :] = large[:, [0, -1]] = 0
        return np.asarray(large, np.uint8)
    shrink, sigma = round(erode * size), feather * size
    rim = max(1, round(2 * sigma))
    framed = np.zeros_like(mask)
    framed[rim:-rim, rim:-rim] = mask[rim:-rim, rim:-rim]
    if shrink:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * shrink + 1, 2 * shrink + 1))
        framed = cv2.erode(framed, kernel)
    if sigma:
        framed = cv2.GaussianBlur(framed, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    framed[[0, -1], :] = framed[:, [0, -1]] = 0
    return framed
