"""Where a target and the face predicted for it both show skin, from which colors are measured."""

import numpy as np

from faceloom.array_types import Mask
from faceloom.faces.parsing.regions import Region, region_mask
from faceloom.swap.compositing.face_mask import FacePair

# Smallest share of the covered pixels that must be skin of both faces: less than that, such as a
# forehead above a large hand, does not tell a face's colors.
_MIN_SHARE = 0.2
# Mask value from which a pixel is inside.
_INSIDE = 127


def visible_skin(pair: FacePair, covered: Mask) -> Mask:
    """Return the skin that both faces show: no lips, eyes, brows or mouth of either.

    Args:
        pair: The masks and regions of both faces.
        covered: Where the predicted face is shown, [size, size].

    Returns:
        The part of `covered` that is skin in every picture whose regions are known, [size, size];
        all of `covered` where no regions are known or too little skin is left.
    """
    skin = covered
    for regions in (pair.target, pair.predicted):
        if regions is not None:
            skin = np.minimum(skin, region_mask(regions, (Region.SKIN,), len(covered)))
    enough = _MIN_SHARE * np.count_nonzero(covered > _INSIDE)
    return skin if np.count_nonzero(skin > _INSIDE) >= enough else covered
