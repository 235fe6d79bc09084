"""Bring a swapped face's colours to those of the face it covers, without flicker."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from faceloom.arrays import Mask, Rgb, float32, to_levels
from faceloom.colours import Lab, from_lab, to_lab
from faceloom.swap.memory import TrackNotes
from faceloom.swap.options import ColourMatch

Values = Float32[np.ndarray, "n 3"]

# How much of a new frame's measure is taken in. A change of so much (Lab, or levels of the histogram's map) is taken in
# whole: a lamp that is switched on is no noise.
_STEADY = 0.2
_JUMP = {"lab": 6.0, "rct": 6.0, "histogram": 16.0}
# The spread of a soft face is less than the target's for want of pores and lashes, and raised to it looks burnt. So
# spreads are compared of pictures averaged to so many pixels a side, and never raised or lowered further than this.
_COARSE, _MOST_GAIN = 32, 1.25
# Slopes of the histogram's map, for the same reason.
_SLOPES = (0.7, 1.4)
# Pixels a side that means are measured in.
_MEASURED = 128
_QUANTILES = np.linspace(0, 1, 33)


def match_colour(how: ColourMatch, swapped: Rgb, target: Rgb, mask: Mask, notes: TrackNotes) -> Rgb:
    """Give `swapped` the target's colours, both measured inside the mask and steadied over the frames of a track.

    "lab": the mean in CIE L*a*b*. "rct": the mean and, within limits, the spread: Reinhard et al., "Color transfer
    between images", IEEE CG&A 21(5), 2001, in L*a*b* for their l-alpha-beta. "histogram": each channel's distribution
    in RGB, within limits. notes: what is remembered of the track.
    """
    if how == "none" or not (_reduced(mask) > 127).any():
        return swapped
    if how == "histogram":
        return _match_histogram(swapped, target, mask, notes)
    small, wanted = to_lab(_reduced(swapped)), to_lab(_reduced(target))
    weights = float32(_reduced(mask) > 127)
    own = _mean(small, weights)
    gain = _gain(small, wanted, mask) if how == "rct" else np.ones(3, np.float32)
    shift, gain = _steadied(np.stack([_mean(wanted, weights) - own, gain]), _JUMP[how], notes)
    lab = to_lab(swapped)
    return from_lab(lab * gain + (own + shift - own * gain) if how == "rct" else lab + shift)


def _reduced(picture: np.ndarray) -> np.ndarray:
    """A picture of fewer pixels: colours need no more, and these are what the time goes into."""
    size = picture.shape[0]
    side = size // max(1, size // _MEASURED)
    return picture if side == size else np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))


def _mean(lab: Lab, weights: Float32[np.ndarray, "s s"]) -> Float32[np.ndarray, "3"]:
    """The mean colour, by what each pixel counts."""
    return float32((lab * weights[..., None]).sum((0, 1)) / max(float(weights.sum()), 1e-6))


def _gain(lab: Lab, wanted: Lab, mask: Mask) -> np.ndarray:
    """By how much the spread is to be raised, each channel."""
    small = (_COARSE, _COARSE)
    weights = cv2.resize(mask, small, interpolation=cv2.INTER_AREA)
    spreads = []
    for picture in (lab, wanted):
        coarse = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)[weights > 127]
        spreads.append(coarse.std(0) if len(coarse) else np.ones(3, np.float32))
    return float32(np.clip(spreads[1] / np.maximum(spreads[0], 1e-3), 1 / _MOST_GAIN, _MOST_GAIN))


def _match_histogram(swapped: Rgb, target: Rgb, mask: Mask, notes: TrackNotes) -> Rgb:
    inside = _reduced(mask) > 127
    own, wanted = _reduced(swapped)[inside], _reduced(target)[inside]
    change = np.stack([_change(own[:, channel], wanted[:, channel]) for channel in range(3)])
    change = _steadied(change, _JUMP["histogram"], notes)
    table = to_levels(np.arange(256) + change)
    return np.asarray(cv2.LUT(swapped, np.ascontiguousarray(table.T)[None]), np.uint8)


def _change(own: UInt8[np.ndarray, "n"], wanted: UInt8[np.ndarray, "n"]) -> Float32[np.ndarray, "256"]:
    """What is added to each level of a channel so that its quantiles become the wanted ones."""
    have, want = np.quantile(own, _QUANTILES), np.quantile(wanted, _QUANTILES)
    middle = len(_QUANTILES) // 2
    levels = np.arange(256)
    mapped = np.interp(levels, have, want) if np.ptp(have) else levels + want[middle] - have[middle]
    slopes = np.clip(np.diff(mapped), *_SLOPES)
    limited = np.concatenate([[0], np.cumsum(slopes)])
    # Limited, it is laid through the median.
    at = round(float(have[middle]))
    return float32(limited - limited[at] + want[middle] - levels)


def _steadied(measured: np.ndarray, jump: float, notes: TrackNotes) -> Float32[np.ndarray, "..."]:
    """Return the running mean of what was measured in a track's frames; a great change is followed at once."""
    before = notes.get("colour", measured)
    if before.shape != measured.shape:
        before = measured
    change = measured - before
    share = float(np.clip(np.abs(change).max() / jump, _STEADY, 1))
    notes["colour"] = float32(before + share * change)
    return notes["colour"]
