"""Lead the color of the target's skin that stays inside the face over to the pasted skin.

Where the guest's face ends before the target's skin does, such as below a fringe in the guest's
footage, the target's own forehead stays. Its color moves to that of the pasted skin beside it, and
less the farther it is away.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Mask, Rgb, float32, to_uint8
from faceloom.color import luma
from faceloom.faces.mask import disk
from faceloom.faces.parsing.regions import (
    FACE_REGIONS,
    PARSING_SIDE,
    Region,
    RegionMap,
    region_mask,
    steepened,
)
from faceloom.swap.compositing.face_mask import FacePair, PasteMask
from faceloom.swap.compositing.mask_refinement import erode_and_feather, smooth_mask
from faceloom.swap.compositing.running_mean import update_running_mean
from faceloom.swap.selection.track_state import TrackArrays

# Side, in pixels, of the masks and pictures that colors and distances are measured in.
_SIDE = 64
# Width, in crop sides, up to which a strip of remaining skin does not count: a doubtful edge.
_STRIP = 0.06
# Width, in crop sides, of the pasted face's border: there its soft edge shows the target, and
# there the colors of both are compared.
_BORDER = 0.12
# Distance from the pasted face, in crop sides, from which the target keeps its own color.
_REACH = 0.2
# Sigma, in crop sides, of the weight's soft ends, and how far they lie inside the face's outline.
_SOFTNESS = 0.03
# Share of the mesh mask up to which remaining skin is ignored: a hairline that differs.
_LEAST_SHARE = 0.03
# Share of the mesh mask from which it is led over in full.
_FULL_SHARE = 0.08
# Fewest pixels, of a crop of 64 pixels, that tell the difference of the colors.
_LEAST_PIXELS = 10
# Smallest weight of a new frame in the running mean of that difference.
_MIN_WEIGHT = 0.2
# Smallest difference, in levels of 255, that is led over: less is rounding, and invisible.
_LEAST_CHANGE = 1.5
# Mask value from which a pixel is inside.
_INSIDE = 127


@dataclass(frozen=True, slots=True)
class Tint:
    """A change of color of the target's own skin."""

    weight: Mask
    """The share of the change that each pixel of the crop gets, [size, size]."""
    added: Float32[np.ndarray, "3"]
    """What is added to R, G and B, in levels."""
    luma: float
    """Luma of the skin, in levels. Darker pixels get less in proportion: black stays black."""


def lead_over(
    pair: FacePair,
    mask: PasteMask,
    skin: Mask,
    pasted: Callable[[], Rgb],
    target: Rgb,
    state: TrackArrays,
) -> Tint | None:
    """Find how the target's remaining skin changes to lead over to a pasted face.

    Remaining skin is the target's skin inside the mesh mask that the pasted face leaves out. Along
    the rest of the face's outline, and toward hair and hands, nothing changes.

    Args:
        pair: The masks and regions of both faces.
        mask: Where the predicted face is pasted.
        skin: Where both show skin, [size, size]; colors are compared here.
        pasted: Returns the predicted face after color transfer, [size, size, 3]; called where
            remaining skin is found.
        target: The target's crop, [size, size, 3].
        state: The running means of the face's track, which are updated.

    Returns:
        The change; None if little skin remains, its color is the same, or the target's regions are
        not known.
    """
    if pair.target is None:
        return None
    outline, covered = _reduced(pair.outline), _reduced(mask.covered)
    if _area(np.minimum(outline, 255 - covered)) <= _LEAST_SHARE * _area(outline):
        return None
    visible = _visible_skin(pair.target)
    remaining = _without_strips(np.minimum(np.minimum(_reduced(visible), outline), 255 - covered))
    share = _area(remaining) / max(_area(outline), 1)
    if share <= _LEAST_SHARE:
        return None
    near = np.where(_distance(remaining) <= _BORDER, outline, 0)
    border = np.minimum(np.minimum(near, _reduced(mask.blended)), _reduced(skin))
    difference = _difference(border, pasted, target, state)
    if difference is None:
        return None
    strength = min(1, (share - _LEAST_SHARE) / (_FULL_SHARE - _LEAST_SHARE))
    soft = float32(erode_and_feather(near, _SOFTNESS, _SOFTNESS))
    near = to_uint8(strength * soft * _falloff(_distance(covered)))
    weight = cv2.multiply(cv2.resize(near, visible.shape), visible, scale=1 / 255)
    smooth = smooth_mask(np.asarray(weight, np.uint8), "remaining_skin", state)
    full = np.asarray(cv2.resize(smooth, target.shape[1::-1]), np.uint8)
    return Tint(full, difference[:3], float(difference[3]))


def _difference(
    border: Mask, pasted: Callable[[], Rgb], target: Rgb, state: TrackArrays
) -> Float32[np.ndarray, "4"] | None:
    """Return what the pasted skin adds to R, G and B of the target's, and the luma of the latter.

    The median of the differences of each pixel: shading and features of both faces are at about the
    same places, and what is not counts little. None if it is too small to see or not known.
    """
    inside = border > _INSIDE
    if np.count_nonzero(inside) < _LEAST_PIXELS:
        return None
    own = _reduced(target)
    pixels = np.dstack([float32(_reduced(pasted())) - own, 255 * luma(own)])[inside]
    current = float32(np.median(pixels, axis=0))
    mean = update_running_mean("skin_difference", current, state, _MIN_WEIGHT)
    return mean if np.abs(mean[:3]).max() >= _LEAST_CHANGE else None


def _visible_skin(regions: RegionMap) -> Mask:
    """Return where the target shows skin with its brows and lips, but no eyes, mouth and hair."""
    face, skin = (
        steepened(region_mask(regions, included, PARSING_SIDE))
        for included in (FACE_REGIONS, (Region.SKIN, Region.BROWS, Region.LIPS))
    )
    # The face's outermost pixels may be hair or background.
    return np.asarray(np.minimum(cv2.erode(face, np.ones((3, 3), np.uint8)), skin), np.uint8)


def _area(mask: Mask) -> int:
    return int(np.count_nonzero(mask > _INSIDE))


def _without_strips(mask: Mask) -> Mask:
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disk(_STRIP / 2 * _SIDE)), np.uint8)


def _distance(mask: Mask) -> Float32[np.ndarray, "_ _"]:
    """Return the distance of each pixel from the mask, in crop sides."""
    outside = np.asarray(mask <= _INSIDE, np.uint8)
    return float32(cv2.distanceTransform(outside, cv2.DIST_L2, 3) / _SIDE)


def _falloff(distance: Float32[np.ndarray, "_ _"]) -> Float32[np.ndarray, "_ _"]:
    """Return 1 at a distance of 0, falling smoothly to 0 at `_REACH`."""
    left = np.maximum(1 - distance / _REACH, 0)
    return float32(left * left * (3 - 2 * left))


def _reduced(picture: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))
