"""Metrics of what a swap does to the regions of the target's face: hair, occluders, skin."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32

from faceloom.array_types import Mask, Rgb, float32
from faceloom.color import Lab
from faceloom.faces.parsing.occlusion import OCCLUDERS
from faceloom.faces.parsing.regions import (
    FACE_REGIONS,
    PARSING_SIDE,
    Region,
    RegionMap,
    region_mask,
    steepened,
)

# Regions are compared at this size.
_SIZE = (PARSING_SIDE, PARSING_SIDE)
# Color and shading are compared at this size: what is finer is blurred anyway.
_COLOR_SIZE = (PARSING_SIDE // 2, PARSING_SIDE // 2)
# Pixels by which a hairline may move before hair counts as foreign or lost.
_HAIRLINE = 2
# Levels of 0 to 255, averaged over 2 x 2 pixels, by which a kept occluder may change; encoding
# changes it by 1 to 3.
_KEPT_LEVELS = 6
# Share of the face that an occluder needs to be measured: smaller ones are errors of the parser.
_LEAST_OCCLUDER = 0.01
# Share of the face that must be visible skin in both pictures to measure its color.
_LEAST_SKIN = 0.1
# Sigma of the blur that keeps shading and blotches and removes pores and moles, in pixels of
# _COLOR_SIZE.
_LOW_PASS_SIGMA = 2.5
# Percent of the skin that deviates less than what is measured.
_WORST_PERCENT = 95
# Weight of chroma beside lightness: the skin of two people differs in chroma (blush, make-up) by
# up to 4 under the same light, and in lightness by 2.
_CHROMA_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class FaceLayers:
    """The regions of one picture that are compared, each 0 to 1 at PARSING_SIDE pixels."""

    face: Float32[np.ndarray, "s s"]
    """Visible face."""
    skin: Float32[np.ndarray, "s s"]
    """Visible skin without brows, eyes and lips."""
    hair: Float32[np.ndarray, "s s"]
    """Hair."""
    occluder: Float32[np.ndarray, "s s"]
    """Hands, clothes and other things."""

    @classmethod
    def from_regions(cls, regions: RegionMap) -> "FaceLayers":
        """Separate the layers.

        Args:
            regions: The regions of a crop.
        """
        chosen = (FACE_REGIONS, (Region.SKIN,), (Region.HAIR,), OCCLUDERS)
        masks = (steepened(region_mask(regions, names, PARSING_SIDE)) for names in chosen)
        return cls(*(float32(mask) / 255 for mask in masks))


def foreign_hair(target: FaceLayers, swap: FaceLayers, inside: Bool[np.ndarray, "s s"]) -> float:
    """Return the share of the face where the swap shows hair on the target's skin.

    Args:
        target: The target's layers.
        swap: The swap's layers.
        inside: The face at PARSING_SIDE pixels.
    """
    return _replaced_share((target.face, target.hair), swap.hair, inside)


def lost_hair(target: FaceLayers, swap: FaceLayers, inside: Bool[np.ndarray, "s s"]) -> float:
    """Return the share of the face where the swap shows a face on the target's hair.

    Args:
        target: The target's layers.
        swap: The swap's layers.
        inside: The face at PARSING_SIDE pixels.
    """
    return _replaced_share((target.hair, target.face), swap.face, inside)


def _replaced_share(
    target: tuple[Float32[np.ndarray, "s s"], Float32[np.ndarray, "s s"]],
    swap: Float32[np.ndarray, "s s"],
    inside: Bool[np.ndarray, "s s"],
) -> float:
    """Return the share of the face where one layer of the target has become another.

    Args:
        target: The layer that is replaced, and the other layer.
        swap: The other layer in the swap.
        inside: The face at PARSING_SIDE pixels.
    """
    replaced, other = target
    added = swap - cv2.dilate(other, _square(_HAIRLINE))
    return float(np.minimum(replaced, np.maximum(added, 0))[inside].mean())


def occluders_kept(
    target: FaceLayers, pictures: tuple[Rgb, Rgb], inside: Bool[np.ndarray, "s s"]
) -> float | None:
    """Return the share of the occluders' pixels that the swap leaves unchanged.

    Args:
        target: The target's layers.
        pictures: The crops of the target and of the swap.
        inside: The face at PARSING_SIDE pixels.

    Returns:
        0 to 1; None if nothing stands before the face.
    """
    occluder = (target.occluder > 0.5).astype(np.uint8)
    # The opening removes what is thinner than an occluder; the erosion leaves out the soft edge.
    core = cv2.erode(cv2.morphologyEx(occluder, cv2.MORPH_OPEN, _square(1)), _square(1)) > 0
    core &= inside
    if core.sum() < _LEAST_OCCLUDER * inside.sum():
        return None
    before, after = (
        cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA).astype(np.int16)
        for picture in pictures
    )
    return float((np.abs(after - before).max(-1)[core] <= _KEPT_LEVELS).mean())


def uneven_color(
    layers: tuple[FaceLayers, FaceLayers], labs: tuple[Lab, Lab], inside: Bool[np.ndarray, "s s"]
) -> float | None:
    """Return how much the swap's skin deviates from the target's shading, as blotches do.

    The difference of their low-passed colors minus its mean, at the twentieth of the skin visible
    in both where it is largest. Nothing but skin enters the low-pass filter.

    Args:
        layers: The layers of the target and of the swap.
        labs: Their crops in CIE L*a*b*.
        inside: The face at PARSING_SIDE pixels.

    Returns:
        Delta E, with half the chroma; None if too little skin is visible.
    """
    skin = float32(np.minimum(layers[0].skin, layers[1].skin) * inside)
    weight = cv2.resize(cv2.erode(skin, _square(1)), _COLOR_SIZE, interpolation=cv2.INTER_AREA)
    chosen = weight > 0.5
    if chosen.mean() < _LEAST_SKIN * inside.mean():
        return None
    target, swap = (_low_pass(lab, weight)[chosen] for lab in labs)
    difference = swap - target
    deviation = (difference - difference.mean(0)) * float32([1, _CHROMA_WEIGHT, _CHROMA_WEIGHT])
    return float(np.percentile(np.linalg.norm(deviation, axis=1), _WORST_PERCENT))


def at_parsing_size(face: Bool[np.ndarray, "_ _"]) -> Bool[np.ndarray, "_ _"]:
    """Return a face's region at PARSING_SIDE pixels.

    Args:
        face: The region in a crop.
    """
    mask: Mask = cv2.resize(face.astype(np.uint8) * 255, _SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(mask > 127)


def _low_pass(lab: Lab, weight: Float32[np.ndarray, "s s"]) -> Lab:
    """Blur the weighted pixels alone (normalized convolution)."""
    small = cv2.resize(lab, _COLOR_SIZE, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small * weight[..., None], (0, 0), _LOW_PASS_SIGMA)
    total = cv2.GaussianBlur(weight, (0, 0), _LOW_PASS_SIGMA)
    return float32(blurred / np.maximum(total, 1e-3)[..., None])


def _square(radius: int) -> Mask:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
