"""How well predicted regions agree with the true ones, on people held out."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Integer

from faceloom.faces.parsing.regions import Region
from faceloom_train.crowd import CrowdPicture
from faceloom_train.face_parsing.augmentation import OUTSIDE, validation_sample


def validation_arrays(
    pictures: Sequence[CrowdPicture],
) -> tuple[Float32[np.ndarray, "n s s 3"], Integer[np.ndarray, "n s s"]]:
    """Return the crops of pictures, unchanged, with their regions.

    Args:
        pictures: Held-out pictures.

    Returns:
        Crops in 0..1, and `Region` values, OUTSIDE where a crop leaves its picture.
    """
    images, regions = zip(*map(validation_sample, pictures), strict=True)
    return np.stack(images), np.stack(regions)


def region_iou(
    truth: Integer[np.ndarray, "n s s"], predicted: Integer[np.ndarray, "n s s"]
) -> dict[Region, float]:
    """Return intersection over union of each region, over the pixels of all pictures.

    Args:
        truth: `Region` values; pixels that are OUTSIDE do not count.
        predicted: `Region` values.

    Returns:
        0 to 1 for each region that either has; 1 for one that neither has.
    """
    result, counted = {}, truth != OUTSIDE
    for region in Region:
        is_true, is_predicted = truth == region, (predicted == region) & counted
        union = np.count_nonzero(is_true | is_predicted)
        overlap = np.count_nonzero(is_true & is_predicted)
        result[region] = overlap / union if union else 1.0
    return result
