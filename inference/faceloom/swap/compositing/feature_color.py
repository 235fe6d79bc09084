"""Keep the chroma of eyes and mouth when the color of the skin is matched.

The shift that matches the chroma of a dark skin to a pale one would turn brown eyes blue and teeth
violet.
"""

import cv2

from faceloom.array_types import Mask, float32
from faceloom.color import Lab
from faceloom.faces.parsing.regions import Region, region_mask
from faceloom.swap.compositing.face_mask import FacePair

_FEATURES = (Region.EYES, Region.MOUTH)


def eyes_and_mouth(pair: FacePair, size: int) -> Mask | None:
    """Return where a predicted face shows its eyes and the inside of its mouth.

    The target's regions are used if those of the prediction are not known.

    Args:
        pair: The masks and regions of both faces.
        size: Side of the result in pixels.

    Returns:
        0 to 255, [size, size]; None if the regions of neither face are known.
    """
    regions = pair.target if pair.predicted is None else pair.predicted
    return None if regions is None else region_mask(regions, _FEATURES, size)


def keep_chroma(matched: Lab, predicted: Lab, features: Mask | None) -> Lab:
    """Undo the change of chroma at eyes and mouth; their lightness stays matched.

    Args:
        matched: The predicted face, whose skin has the target's color.
        predicted: The face before that, of the same size.
        features: Where its eyes and its mouth are, of any size; None: nowhere.

    Returns:
        The face with the predicted chroma of eyes and mouth.
    """
    if features is None:
        return matched
    weight = float32(cv2.resize(features, matched.shape[1::-1]))[..., None] / 255
    result = matched.copy()
    result[..., 1:] += weight * (predicted[..., 1:] - matched[..., 1:])
    return float32(result)
