"""Bring a swapped face's colors to those of the face it covers, without flicker."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from faceloom.array_types import Mask, Rgb, float32, to_levels
from faceloom.color import Lab, from_lab, to_lab
from faceloom.swap.options import ColorMatch
from faceloom.swap.selection.track_state import TrackNotes

# The target's colors are steadied: a hand that comes into the mask must not tint the face. What the network drew is
# taken as it is in each frame, for its own flicker is what has to go: steadying the difference of the two would let it
# through. A mean change of so many levels (Lab's are longer) is followed at once: that is a lamp.
_STEADY, _JUMP, _LEVELS = 0.5, 6.0, 2.55
# How much of a frame's spread is taken in.
_STEADY_GAIN = 0.2
# The spread of a soft face is less than the target's for want of pores and lashes, and raised to it looks burnt. So
# spreads are compared of pictures averaged to so many pixels a side, and never raised or lowered further than this.
_COARSE, _MOST_GAIN = 32, 1.25
# Slopes of the histogram's map, for the same reason.
_SLOPES = (0.7, 1.4)
# Pixels a side that means are measured in.
_MEASURED = 128
_QUANTILES = np.linspace(0, 1, 33)


def match_color(how: ColorMatch, swapped: Rgb, target: Rgb, mask: Mask, notes: TrackNotes) -> Rgb:
    """Give `swapped` the target's colors, both measured inside the mask and steadied over the frames of a track.

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
    mean = _steadied("color", _LEVELS * _mean(wanted, weights), notes) / _LEVELS
    if how == "lab":
        return from_lab(to_lab(swapped) + (mean - own))
    gain = _steadied("gain", _gain(small, wanted, mask), notes, _STEADY_GAIN)
    return from_lab(to_lab(swapped) * gain + (mean - own * gain))


def _reduced(picture: np.ndarray) -> np.ndarray:
    """A picture of fewer pixels: colors need no more, and these are what the time goes into."""
    size = picture.shape[0]
    side = size // max(1, size // _MEASURED)
    return (
        picture
        if side == size
        else np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA))
    )


def _mean(lab: Lab, weights: Float32[np.ndarray, "s s"]) -> Float32[np.ndarray, "3"]:
    """The mean color, by what each pixel counts."""
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
    have, want = (np.quantile(levels, _QUANTILES, axis=0) for levels in (own, wanted))
    want = _steadied("color", float32(want), notes)
    table = np.stack([_table(have[:, channel], want[:, channel]) for channel in range(3)], -1)
    return np.asarray(cv2.LUT(swapped, table[None]), np.uint8)


def _table(have: np.ndarray, want: np.ndarray) -> UInt8[np.ndarray, "256"]:
    """What each level of a channel becomes so that its quantiles become the wanted ones, within limits."""
    middle = len(_QUANTILES) // 2
    levels = np.arange(256)
    mapped = np.interp(levels, have, want) if np.ptp(have) else levels + want[middle] - have[middle]
    limited = np.concatenate([[0], np.cumsum(np.clip(np.diff(mapped), *_SLOPES))])
    # Limited, it is laid through the median.
    return to_levels(limited - np.interp(have[middle], levels, limited) + want[middle])


def _steadied(
    name: str, now: np.ndarray, notes: TrackNotes, least: float = _STEADY
) -> Float32[np.ndarray, "..."]:
    """Return the running mean of a track's measures by that name; a great change is followed at once."""
    before = notes.get(name, now)
    if before.shape != now.shape:
        before = now
    change = now - before
    share = float(np.clip(np.abs(change).mean() / _JUMP, least, 1))
    notes[name] = float32(before + share * change)
    return notes[name]
