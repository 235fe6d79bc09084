"""Estimate how much predicted faces must be sharpened to be as detailed as the identity's own."""

import numpy as np

from faceloom.compare.image_similarity import laplacian_spread
from faceloom.swap.compositing.sharpening import DETAIL_LEFT_BY_PASTING, mask_interior, sharpen
from faceloom.swap.sources.face_source import Predictions

# Amounts of `sharpen` that are tried. Above 0.8 the comparison score falls, even for sharp targets.
_AMOUNTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def estimate_sharpening(own: Predictions, predicted: Predictions) -> float:
    """Return the least amount of sharpening that gives predictions the detail of real faces.

    The network blurs what it cannot place to the pixel, and blurs other people's faces more than
    the identity's own faces, which it was trained to reconstruct. Detail is measured after pasting.

    Args:
        own: Crops of the identity and their masks.
        predicted: The network's predictions for crops of other people.

    Returns:
        The amount for `sharpen`, 0..0.8; 0 if no face has a mask.
    """
    own_detail = _mean_detail(own, 0)
    if own_detail is None or _mean_detail(predicted, 0) is None:
        return 0.0
    sufficient = (
        amount
        for amount in _AMOUNTS
        if DETAIL_LEFT_BY_PASTING * (_mean_detail(predicted, amount) or 0) >= own_detail
    )
    return next(sufficient, _AMOUNTS[-1])


def _mean_detail(faces: Predictions, amount: float) -> float | None:
    """Return the mean detail of sharpened faces; None if none has a mask."""
    details = []
    for face, mask in zip(faces.faces, faces.masks, strict=True):
        inside = mask_interior(mask)
        if inside.any():
            details.append(laplacian_spread(sharpen(face, amount), inside))
    return float(np.mean(details)) if details else None
