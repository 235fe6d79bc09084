"""Metrics of lids, gaze and mouth: how a swap follows a reference, whoever its face is."""

import numpy as np
from jaxtyping import Float32, Float64

from faceloom.array_types import float32
from faceloom.compare.metrics import Series
from faceloom.faces.expression import BLENDSHAPE_NAMES, SHUT

# Relative lid opening from which eyes are surely open: a lid between SHUT and this is on its way.
SURELY_OPEN = 0.65
# Frames with shut eyes that are needed to measure whether they are kept: one may be noise.
_LEAST_SHUT = 2
# Frames that a metric of change needs.
_LEAST_FRAMES = 2
# How much larger or smaller another person's mouth opens with the same expression.
_OTHER_MOUTH = 1.5
# Standard deviation of an expression weight below which it does not move in a clip.
_LEAST_MOVEMENT = 0.02
# Standard deviation to divide by at least, so that a weight that stands still stays 0.
_STILL = 1e-6
_MOUTH_WEIGHTS = [n for n, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("jaw", "mouth"))]


def lid_error(own: Series, reference: Series) -> Series:
    """Return how far the lids are from where the reference's are.

    Args:
        own: Relative lid opening of the swap.
        reference: Relative lid opening to keep.

    Returns:
        The difference per frame, as a share of open eyes.
    """
    return float32(np.abs(own - reference))


def shut_eyes_kept(own: Series, reference: Series) -> Series:
    """Return where shut eyes are shut in the swap too.

    Args:
        own: Relative lid opening of the swap.
        reference: Relative lid opening to keep.

    Returns:
        1 where they are, 0 where the swap's are open; NaN where the reference's are open, and
        throughout if they are hardly ever shut.
    """
    measured = (reference < SHUT) & np.isfinite(own)
    if measured.sum() < _LEAST_SHUT:
        return np.full(len(own), np.nan, np.float32)
    return float32(np.where(measured, own < SURELY_OPEN, np.nan))


def gaze_difference(
    gazes: tuple[Float32[np.ndarray, "t 2"], Float32[np.ndarray, "t 2"]],
    lids: tuple[Series, Series],
) -> Float32[np.ndarray, "t 2"]:
    """Return the difference of two gazes.

    Args:
        gazes: Positions of the irises in the swap and in the reference, in eye widths.
        lids: Relative lid openings of both.

    Returns:
        The difference per frame; NaN where the eyes of either are shut.
    """
    both_open = (lids[0] >= SHUT) & (lids[1] >= SHUT)
    return float32(np.where(both_open[:, None], gazes[0] - gazes[1], np.nan))


def mouth_opening_error(own: Series, reference: Series, *, same_person: bool) -> Series:
    """Return how much further or less the mouth opens.

    Args:
        own: Mouth opening of the swap in eye widths.
        reference: Mouth opening to keep.
        same_person: Whether both faces are one person's. Another person's mouth may open 1.5 times
            as wide or as little with the same expression; the best factor is applied.

    Returns:
        The difference per frame in eye widths of the reference.
    """
    known = np.isfinite(own) & np.isfinite(reference)
    factor = 1.0
    if known.any() and not same_person:
        best = float(own[known] @ reference[known]) / max(float(own[known] @ own[known]), 1e-9)
        factor = min(max(best, 1 / _OTHER_MOUTH), _OTHER_MOUTH)
    return float32(np.abs(factor * own - reference))


def mouth_shape_kept(
    own: Float32[np.ndarray, "t 52"], reference: Float32[np.ndarray, "t 52"]
) -> Series:
    """Return how well the movements of jaw and mouth follow the reference's, each by its name.

    Weights of two people differ in size and offset, so that only their course counts: each
    weight's is fitted by a positive factor. A weight counts by how much it moves in the reference.

    Args:
        own: Expression weights of the swap.
        reference: Expression weights to keep.

    Returns:
        Per frame; the mean is the share of the movements' variance that is kept (R squared). 1 in
        frames without an error, 0 on average for a mouth that moves independently or not at all.
    """
    known = np.isfinite(own).all(1) & np.isfinite(reference).all(1)
    result = np.full(len(own), np.nan, np.float32)
    if known.sum() < _LEAST_FRAMES:
        return result
    ours, theirs = (
        values[known][:, _MOUTH_WEIGHTS].astype(np.float64) for values in (own, reference)
    )
    deviation = theirs.std(0)
    moving = deviation >= _LEAST_MOVEMENT
    if moving.any():
        standard = _standardized(theirs[:, moving])
        swapped = _standardized(ours[:, moving])
        correlation = np.maximum((standard * swapped).mean(0), 0)
        rest = (standard - correlation * swapped) ** 2
        result[known] = 1 - rest @ deviation[moving] / deviation[moving].sum()
    return result


def _standardized(values: Float64[np.ndarray, "t k"]) -> Float64[np.ndarray, "t k"]:
    centered = values - values.mean(0)
    return np.asarray(centered / np.maximum(values.std(0), _STILL))
