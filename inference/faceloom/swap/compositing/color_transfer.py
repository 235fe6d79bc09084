"""Transfer the target's colors to a predicted face, smoothed over time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from faceloom.array_types import Mask, Rgb, Weights, float32, to_uint8
from faceloom.choices import ColorTransfer
from faceloom.color import LEVELS_PER_LAB_UNIT, ChromaSpread, Lab, from_lab, to_lab
from faceloom.swap.compositing.chroma_limit import limit_chroma
from faceloom.swap.compositing.feature_color import (
    EyeWhites,
    FeatureMasks,
    measure_eye_whites,
)
from faceloom.swap.compositing.illumination import TargetLight, add_light, measure_light
from faceloom.swap.compositing.quantiles import quantiles
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


def measure_colors(
    method: ColorTransfer,
    swapped: Rgb,
    target: Rgb,
    covered: Mask,
    state: TrackArrays,
    skin: Mask | None = None,
    features: FeatureMasks | None = None,
) -> Callable[[], Rgb]:
    """Measure how a predicted face gets the target's colors and light.

    All methods but "none" bring the target's light (see `TargetLight`) and limit the variation of
    chroma to the target's (see `limit_chroma`).

    Args:
        method: "none"; "lab" for the mean in CIE L*a*b*; "rct" for the mean and, within limits,
            the spread (Reinhard et al., "Color transfer between images", IEEE CG&A 21(5), 2001,
            in L*a*b* instead of l-alpha-beta); "histogram" for each RGB channel's distribution,
            within limits.
        swapped: The predicted face, [size, size, 3].
        target: The target's crop, [size, size, 3].
        covered: Where the face is shown, [size, size]; chroma's variation and distributions are
            measured here.
        state: The track's running means, which are updated here and nowhere later.
        skin: Where both show skin, [size, size]; light, means and spreads are measured here.
            `covered` if it is not known.
        features: What the prediction shows that is not skin, which "lab" and "rct" do not shift
            with the skin, and the eyes of both; None if that is not known.

    Returns:
        A function that returns the predicted face in the target's colors. A frame that is not
        shown needs no call: it costs more than the measurement.
    """
    if method == "none" or not (_reduced(covered) > _INSIDE).any():
        return lambda: swapped
    skin = covered if skin is None else skin
    small_target = to_lab(_reduced(target))
    light = measure_light(small_target, float32(_reduced(skin) > _INSIDE), state)
    face = _LitFace(swapped, light)
    spread = _target_spread(small_target, covered, state)
    if method == "histogram":
        levels = update_running_mean("color", _level_quantiles(target, covered), state)
        return partial(_transfer_histogram, face, covered, levels, spread)
    target_levels = LEVELS_PER_LAB_UNIT * _typical_skin(small_target, skin).mean(0)
    mean = update_running_mean("color", target_levels, state) / LEVELS_PER_LAB_UNIT
    gain = None
    if method == "rct":
        current = _gain(face.small, small_target, skin)
        gain = update_running_mean("gain", current, state, _MIN_GAIN_WEIGHT)
    eyes = measure_eye_whites(face.small, small_target, features, state) if features else None
    reference = _SkinReference(covered, skin, replace(spread, mean=mean), gain, features, eyes)
    return partial(_transfer_skin_color, face, reference)


@dataclass(frozen=True)
class _LitFace:
    """A predicted face in its target's light."""

    swapped: Rgb
    """The predicted face."""
    light: TargetLight
    """The target's light."""

    @property
    def small(self) -> Lab:
        """The face in the light, reduced."""
        return self._lit[0]

    def in_full_size(self) -> Lab:
        """Return the face in the light; the same array as `small` if that is not smaller.

        It is not kept: at a crop of 256 pixels it takes four times the memory of `small`.
        """
        small, light = self._lit
        if len(small) == len(self.swapped):
            return small
        return add_light(to_lab(self.swapped), light)

    @cached_property
    def _lit(self) -> tuple[Lab, Lab]:
        """The face in the light, reduced, and what was added to it."""
        small = to_lab(_reduced(self.swapped))
        light = self.light.difference(small)
        return add_light(small, light), light


@dataclass(frozen=True, slots=True)
class _SkinReference:
    """The colors of the target's skin, and where they are compared with a predicted face."""

    covered: Mask
    """Where the predicted face is shown."""
    skin: Mask
    """Where both show skin."""
    spread: ChromaSpread
    """The target's colors; the mean is the skin's: there, lightness explains no chroma."""
    gain: np.ndarray | None
    """Factor of each channel's spread; None leaves the spreads alone."""
    features: FeatureMasks | None
    """What is not skin; None if that is not known."""
    eyes: EyeWhites | None
    """The lightness of the eyes of both; None if `features` is None."""


def _transfer_skin_color(face: _LitFace, target: _SkinReference) -> Rgb:
    """Bring the skin of a predicted face to the mean color of its target's.

    Args:
        face: The face.
        target: The target's colors, and where they are compared.
    """
    full, features = face.in_full_size(), target.features
    faces = [full] if full is face.small else [full, face.small]
    weights = [features.weights(len(each)) if features else None for each in faces]
    if target.gain is not None:
        center = _typical_skin(face.small, target.skin).mean(0)
        faces = [
            _with_contrast(each, center, target.gain, weight)
            for each, weight in zip(faces, weights, strict=True)
        ]
    mean = target.spread.mean
    shift = SkinShift.to_mean(_typical_skin(faces[-1], target.skin), mean)
    curve = target.eyes.feature_lightness(shift.lightness) if target.eyes else None
    faces = [
        shift.apply(each, None if weight is None or curve is None else (weight, curve))
        for each, weight in zip(faces, weights, strict=True)
    ]
    own = ChromaSpread.measure(_inside(faces[-1], target.covered))
    limited = limit_chroma(faces[0], replace(own, mean=mean), target.spread)
    return from_lab(faces[0] if limited is None else limited)


def _with_contrast(
    face: Lab, center: np.ndarray, gain: np.ndarray, features: Weights | None
) -> Lab:
    """Multiply the spread of the skin's colors around a center.

    Args:
        face: The face.
        center: The color that stays.
        gain: Factor of each channel.
        features: How much each pixel is not skin and stays; None: not at all.
    """
    change = (gain - 1) * (face - center)
    if features is not None:
        change = (1 - features[..., None]) * change
    return float32(face + change)


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
    darkest, brightest = quantiles(lightness, (_TRIMMED, 1 - _TRIMMED))
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


def _level_quantiles(picture: Rgb, mask: Mask) -> Float32[np.ndarray, "_ 3"]:
    """Return the quantiles of each channel's levels inside a mask."""
    inside = _reduced(mask) > _INSIDE
    return float32(np.quantile(_reduced(picture)[inside], _QUANTILES, axis=0))


def _transfer_histogram(
    face: _LitFace, covered: Mask, levels: Float32[np.ndarray, "_ 3"], spread: ChromaSpread
) -> Rgb:
    """Bring the distribution of each RGB channel to the target's, and limit its chroma.

    Args:
        face: The face.
        covered: Where it is shown.
        levels: The quantiles of the target's levels.
        spread: The target's colors.
    """
    lit = from_lab(face.in_full_size())
    own_levels = np.quantile(_reduced(lit)[_reduced(covered) > _INSIDE], _QUANTILES, axis=0)
    tables = [_lookup_table(own_levels[:, channel], levels[:, channel]) for channel in range(3)]
    matched = np.asarray(cv2.LUT(lit, np.stack(tables, -1)[None]), np.uint8)
    own = ChromaSpread.measure(_inside(to_lab(_reduced(matched)), covered))
    limited = limit_chroma(to_lab(matched), own, spread)
    return matched if limited is None else from_lab(limited)


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
