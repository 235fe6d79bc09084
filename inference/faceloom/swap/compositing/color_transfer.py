"""Transfer the target's colors to a predicted face, smoothed over time."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from faceloom.array_types import Mask, Rgb, Weights, float32, to_uint8
from faceloom.choices import ColorTransfer
from faceloom.color import LEVELS_PER_LAB_UNIT, ChromaSpread, Lab, from_lab, to_lab
from faceloom.swap.compositing.chroma_limit import limit_chroma
from faceloom.swap.compositing.feature_color import FeatureMasks, feature_lightness
from faceloom.swap.compositing.illumination import add_light, light_difference
from faceloom.swap.compositing.running_mean import update_running_mean
from faceloom.swap.compositing.skin_shift import SkinShift
from faceloom.swap.selection.track_state import TrackArrays

# The target's colors are smoothed over time, so that a hand inside the mask does not tint the
# face. The colors of the prediction's skin are measured in each frame: its flicker is what the
# transfer has to remove, and smoothing the difference of the two would let the flicker through.

# The methods that match the color of the skin alone, if the regions of both faces are known.
SKIN_METHODS: tuple[ColorTransfer, ...] = ("lab", "rct")
# Smallest weight of a new frame in the running mean of the spread's gain.
_MIN_GAIN_WEIGHT = 0.2
# Side, in pixels, of the pictures whose spreads are compared. A soft face has a smaller spread
# than its target for lack of fine detail; raising it to the target's looks burnt.
_SPREAD_SIDE = 32
# Largest factor by which a spread is raised or lowered, for the same reason.
_MAX_GAIN = 1.25
# Smallest and largest slope of the histogram's map, for the same reason.
_MIN_SLOPE = 0.7
_MAX_SLOPE = 1.4
# Side, in pixels, of the pictures that means and quantiles are measured in.
_MEASURE_SIDE = 128
# Share of the darkest and of the brightest skin that means leave out: shadow and highlight.
_TRIMMED = 0.05
# Mask value from which a pixel is inside.
_INSIDE = 127
# Quantiles that describe a channel's distribution.
_QUANTILES = np.linspace(0, 1, 33)


def transfer_color(
    method: ColorTransfer,
    swapped: Rgb,
    target: Rgb,
    covered: Mask,
    state: TrackArrays,
    skin: Mask | None = None,
    features: FeatureMasks | None = None,
) -> Rgb:
    """Give a predicted face the target's colors and light.

    All methods but "none" bring the target's light (see `light_difference`) and limit the variation
    of chroma to the target's (see `limit_chroma`).

    Args:
        method: "none"; "lab" for the mean in CIE L*a*b*; "rct" for the mean and, within limits,
            the spread (Reinhard et al., "Color transfer between images", IEEE CG&A 21(5), 2001,
            in L*a*b* instead of l-alpha-beta); "histogram" for each RGB channel's distribution,
            within limits.
        swapped: The predicted face, [size, size, 3].
        target: The target's crop, [size, size, 3].
        covered: Where the face is shown, [size, size]; chroma's variation and distributions are
            measured here.
        state: The track's running means, which are updated.
        skin: Where both show skin, [size, size]; light, means and spreads are measured here.
            `covered` if it is not known.
        features: What the prediction shows that is not skin, which "lab" and "rct" do not shift
            with the skin, and the eyes of both; None if that is not known.

    Returns:
        The predicted face in the target's colors.
    """
    if method == "none" or not (_reduced(covered) > _INSIDE).any():
        return swapped
    skin = covered if skin is None else skin
    small_target = to_lab(_reduced(target))
    full, small = _in_target_light(swapped, small_target, skin, state)
    spread = _target_spread(small_target, covered, state)
    if method == "histogram":
        matched = _transfer_histogram(from_lab(full), target, covered, state)
        own = ChromaSpread.measure(_inside(to_lab(_reduced(matched)), covered))
        limited = limit_chroma(to_lab(matched), own, spread)
        return matched if limited is None else from_lab(limited)
    target_levels = LEVELS_PER_LAB_UNIT * _typical_skin(small_target, skin).mean(0)
    mean = update_running_mean("color", target_levels, state) / LEVELS_PER_LAB_UNIT
    faces = [full, small]
    weights = [features.weights(len(face)) for face in faces] if features else None
    if method == "rct":
        faces = _with_target_contrast(faces, weights, small_target, skin, state)
    shift = SkinShift.to_mean(_typical_skin(faces[1], skin), mean)
    if features and weights:
        curve = feature_lightness(small, small_target, features, shift.lightness, state)
        full, small = (
            shift.apply(face, (weight, curve)) for face, weight in zip(faces, weights, strict=True)
        )
    else:
        full, small = (shift.apply(face) for face in faces)
    own = ChromaSpread.measure(_inside(small, covered))
    # Both means are the skin's: the chroma that lightness explains is 0 there.
    limited = limit_chroma(full, replace(own, mean=mean), replace(spread, mean=mean))
    return from_lab(full if limited is None else limited)


def _in_target_light(
    swapped: Rgb, small_target: Lab, skin: Mask, state: TrackArrays
) -> tuple[Lab, Lab]:
    """Return the predicted face in the target's light, in full size and reduced."""
    full = to_lab(swapped)
    reduced = _reduced(swapped)
    small = full if reduced is swapped else to_lab(reduced)
    weights = float32(_reduced(skin) > _INSIDE)
    light = light_difference(small, small_target, weights, state)
    lit = add_light(full, light)
    return lit, lit if small is full else add_light(small, light)


def _with_target_contrast(
    faces: Sequence[Lab],
    features: Sequence[Weights] | None,
    small_target: Lab,
    skin: Mask,
    state: TrackArrays,
) -> list[Lab]:
    """Bring the spread of the predicted skin to the target's, within limits; its mean stays.

    Args:
        faces: The predicted face, in full size and reduced.
        features: How much each pixel of these is not skin and stays; None: not at all.
        small_target: The target, of the reduced size.
        skin: Where both show skin.
        state: The track's running means, which are updated.
    """
    small = faces[1]
    current = _gain(small, small_target, skin)
    gain = update_running_mean("gain", current, state, _MIN_GAIN_WEIGHT)
    mean = _typical_skin(small, skin).mean(0)
    changes = [(gain - 1) * (face - mean) for face in faces]
    if features:
        changes = [
            (1 - weight[..., None]) * change
            for change, weight in zip(changes, features, strict=True)
        ]
    return [float32(face + change) for face, change in zip(faces, changes, strict=True)]


def _target_spread(target: Lab, mask: Mask, state: TrackArrays) -> ChromaSpread:
    """Return how the target's chroma varies, smoothed over time."""
    current = ChromaSpread.measure(_inside(target, mask))
    values = update_running_mean("chroma", current.to_array(), state, _MIN_GAIN_WEIGHT)
    return ChromaSpread.from_array(current.mean, values)


def _reduced(picture: np.ndarray) -> np.ndarray:
    """Shrink a picture: colors need no more pixels, and the time depends on them."""
    size = picture.shape[0]
    side = size // max(1, size // _MEASURE_SIDE)
    if side == size:
        return picture
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))


def _typical_skin(picture: Lab, skin: Mask) -> Float32[np.ndarray, "n 3"]:
    """Return the pixels of the skin without shadow and highlight; of all if there is none."""
    pixels = picture.reshape(-1, 3)
    inside = np.flatnonzero(_reduced(skin) > _INSIDE)
    if len(inside):
        # Taking by indices needs a third of the time of taking by a boolean mask.
        pixels = np.take(pixels, inside, 0)
    lightness = pixels[:, 0]
    darkest, brightest = np.quantile(lightness, [_TRIMMED, 1 - _TRIMMED])
    typical = np.flatnonzero((lightness >= darkest) & (lightness <= brightest))
    return float32(np.take(pixels, typical, 0))


def _inside(picture: Lab, mask: Mask) -> Float32[np.ndarray, "n 3"]:
    """Return the pixels inside the mask of a picture without fine detail; all if none is inside."""
    side = (_SPREAD_SIDE, _SPREAD_SIDE)
    weights = cv2.resize(mask, side, interpolation=cv2.INTER_AREA)
    small = float32(cv2.resize(float32(picture), side, interpolation=cv2.INTER_AREA))
    return small[weights > _INSIDE] if (weights > _INSIDE).any() else small.reshape(-1, 3)


def _gain(swapped: Lab, target: Lab, mask: Mask) -> np.ndarray:
    """Return the factor by which each channel's spread is raised."""
    own, reference = (_inside(picture, mask).std(0) for picture in (swapped, target))
    return float32(np.clip(reference / np.maximum(own, 1e-3), 1 / _MAX_GAIN, _MAX_GAIN))


def _transfer_histogram(swapped: Rgb, target: Rgb, mask: Mask, state: TrackArrays) -> Rgb:
    inside = _reduced(mask) > _INSIDE
    own_quantiles, target_quantiles = (
        np.quantile(_reduced(picture)[inside], _QUANTILES, axis=0) for picture in (swapped, target)
    )
    target_quantiles = update_running_mean("color", float32(target_quantiles), state)
    tables = [
        _lookup_table(own_quantiles[:, channel], target_quantiles[:, channel])
        for channel in range(3)
    ]
    return np.asarray(cv2.LUT(swapped, np.stack(tables, -1)[None]), np.uint8)


def _lookup_table(own: np.ndarray, target: np.ndarray) -> UInt8[np.ndarray, "256"]:
    """Return the map of a channel's levels that brings its quantiles to the target's.

    The map's slope is limited, and the limited map goes through the median.
    """
    middle = len(_QUANTILES) // 2
    levels = np.arange(256)
    mapped = (
        np.interp(levels, own, target) if np.ptp(own) else levels + target[middle] - own[middle]
    )
    slopes = np.clip(np.diff(mapped), _MIN_SLOPE, _MAX_SLOPE)
    limited = np.concatenate([[0], np.cumsum(slopes)])
    return to_uint8(limited - np.interp(own[middle], levels, limited) + target[middle])
