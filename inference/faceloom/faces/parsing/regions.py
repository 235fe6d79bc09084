"""The regions of a face picture that the face parsing network tells apart, and masks of them."""

from collections.abc import Iterable
from enum import IntEnum
from functools import reduce
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import UInt8

from faceloom.array_types import Mask, to_uint8

# Side of the network's input and output in pixels.
PARSING_SIDE = 128
# Names of the graph's input (uint8 crops) and output (uint8 probabilities, 255 for certain).
CROPS = "crops"
REGIONS = "regions"

# The probability of each region, 0..255, at 128 x 128 pixels of a crop.
RegionMap: TypeAlias = UInt8[np.ndarray, "128 128 10"]
RegionBatch: TypeAlias = UInt8[np.ndarray, "_ 128 128 10"]


class Region(IntEnum):
    """What a pixel shows; the value is the network's output channel."""

    BACKGROUND = 0
    """Everything that none of the others names."""
    SKIN = 1
    """Skin of face, ears, neck and scalp; beards and stubble are skin."""
    BROWS = 2
    """Eyebrows."""
    EYES = 3
    """The visible part of the eyeballs."""
    LIPS = 4
    """Upper and lower lip."""
    MOUTH = 5
    """The inside of an open mouth: teeth, tongue, cavity."""
    HAIR = 6
    """Hair of the head, also where it hangs before the face."""
    GLASSES = 7
    """Frames and dark lenses; what clear lenses show is its own region."""
    OCCLUDER = 8
    """A hand, a microphone or another thing before the face."""
    CLOTH = 9
    """Clothes."""


# What a swap replaces.
FACE_REGIONS = (Region.SKIN, Region.BROWS, Region.EYES, Region.LIPS, Region.MOUTH)
# What networks that learn the visible face see and draw.
VISIBLE_REGIONS = (*FACE_REGIONS, Region.GLASSES)
# What may hide parts of a face.
HIDING_REGIONS = (Region.HAIR, Region.GLASSES, Region.OCCLUDER, Region.CLOTH)

# Probabilities of 0..255 up to which a pixel counts as hidden and from which it counts as visible.
# Between them it is blended: a wider range would show two faces on doubtful skin, a narrower one
# gives jagged hairlines.
_HIDDEN = 64
_VISIBLE = 191
_STEEP = to_uint8((np.arange(256.0) - _HIDDEN) * 255 / (_VISIBLE - _HIDDEN))
# Mask value from which a pixel is inside.
_INSIDE = 127
# Smallest share of the mesh mask that the face or what may hide it must cover for the regions to
# be believed: where a network sees background in most of a face, it did not see the face.
_MIN_EXPLAINED = 0.5


def region_mask(regions: RegionMap, included: Iterable[Region], size: int) -> Mask:
    """Return how probably each pixel shows one of some regions.

    Args:
        regions: The probabilities of all regions.
        included: The regions that count.
        size: Side of the result in pixels.

    Returns:
        0 to 255, [size, size].
    """
    # Saturates at 255. Adding planes takes a third of the time of a sum over the last axis.
    mask = reduce(cv2.add, [cv2.extractChannel(regions, region) for region in included])
    return np.asarray(cv2.resize(mask, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def share_of_mask(regions: RegionMap, included: Iterable[Region], mask: Mask) -> float:
    """Return the share of a mask that shows one of some regions.

    Args:
        regions: The probabilities of all regions.
        included: The regions that count.
        mask: A mask of the same crop, of any size.

    Returns:
        0 to 1; 0 for an empty mask.
    """
    size = (PARSING_SIDE, PARSING_SIDE)
    inside = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > _INSIDE
    if not inside.any():
        return 0.0
    return float((region_mask(regions, included, PARSING_SIDE)[inside] > _INSIDE).mean())


def regions_are_plausible(regions: RegionMap, mesh_mask: Mask) -> bool:
    """Tell whether the regions explain a face; if not, the mesh mask alone is better.

    Args:
        regions: The probabilities of all regions.
        mesh_mask: The mesh mask of the same crop.
    """
    explained = share_of_mask(regions, (*FACE_REGIONS, *HIDING_REGIONS), mesh_mask)
    return explained >= _MIN_EXPLAINED


def visible_mask(mesh_mask: Mask, regions: RegionMap | None) -> Mask:
    """Return the visible face, with its glasses: what networks are trained to see and draw.

    Args:
        mesh_mask: The mesh mask of a crop.
        regions: The regions of the same crop; None if they are not known.

    Returns:
        The mesh mask without hair and whatever else hides the face; the whole mesh mask if the
        regions are not known.
    """
    if regions is None:
        return mesh_mask
    face = region_mask(regions, VISIBLE_REGIONS, len(mesh_mask))
    return np.asarray(np.minimum(mesh_mask, steepened(face)), np.uint8)


def steepened(probability: Mask) -> Mask:
    """Turn a region's probability into a mask that is 0 or 255 wherever it is not doubtful.

    Args:
        probability: 0 to 255.
    """
    return np.asarray(cv2.LUT(probability, _STEEP), np.uint8)
