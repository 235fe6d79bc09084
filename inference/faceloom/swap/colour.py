"""Bring a swapped face's colours to those of the face it covers."""

from faceloom.arrays import Mask, Rgb
from faceloom.colours import from_lab, to_lab


def match_lab(swapped: Rgb, target: Rgb, mask: Mask) -> Rgb:
    """Give `swapped` the target's mean colour in CIE L*a*b*, both measured inside the mask.

    The first half of Reinhard et al., "Color transfer between images", IEEE CG&A 21(5), 2001. Their second
    half, the spread, raises the contrast of a face that is softer than the target's until it looks burnt.
    """
    inside = mask > 127
    if not inside.any():
        return swapped
    lab, wanted = to_lab(swapped), to_lab(target)
    return from_lab(lab + (wanted[inside].mean(0) - lab[inside].mean(0)))
