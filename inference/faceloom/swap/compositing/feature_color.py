"""The color of eyes, brows and the mouth's inside, which do not change with the skin's.

What brings a dark skin to a pale one would make eyes and teeth glow and turn brown eyes blue.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from faceloom.array_types import Mask, Weights, float32
from faceloom.color import LEVELS_PER_LAB_UNIT, Lab
from faceloom.faces.parsing.regions import Region, region_mask
from faceloom.swap.compositing.face_mask import FacePair
from faceloom.swap.compositing.lightness_curve import LightnessCurve
from faceloom.swap.compositing.running_mean import update_running_mean
from faceloom.swap.selection.track_state import TrackArrays

# How much of a brow is not skin: it shows between the hairs.
_BROW_SHARE = 0.5
# Share of an eye's pixels that are brighter than its white's typical one.
_BRIGHTER = 0.2
# Smallest number of pixels of open eyes whose white is measured.
_LEAST_PIXELS = 20
# Mask value from which a pixel is inside.
_INSIDE = 127
# Smallest weight of a new frame in the running means.
_MIN_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class FeatureMasks:
    """Where a target and the face predicted for it show what is not skin, 0 to 255."""

    shown: Mask
    """Eyes, brows and the inside of the mouth of the prediction."""
    eyes: Mask
    """The prediction's eyes."""
    target_eyes: Mask
    """The target's eyes."""

    @classmethod
    def of_pair(cls, pair: FacePair, size: int) -> "FeatureMasks | None":
        """Return the masks of two faces.

        Args:
            pair: The masks and regions of both faces.
            size: Side of the masks in pixels.

        Returns:
            The masks; None if the regions of one face are not known: its features have another
            place than the other's.
        """
        if pair.predicted is None or pair.target is None:
            return None
        brows, eyes, mouth = (
            region_mask(pair.predicted, (region,), size)
            for region in (Region.BROWS, Region.EYES, Region.MOUTH)
        )
        shown = cv2.add(cv2.addWeighted(eyes, 1, brows, _BROW_SHARE, 0), mouth)
        return cls(
            np.asarray(shown, np.uint8), eyes, region_mask(pair.target, (Region.EYES,), size)
        )


@dataclass(frozen=True, slots=True)
class FeatureShift:
    """How the color of what is not skin changes; its chroma stays."""

    shown: Mask
    """How much each pixel is not skin, 0 to 255."""
    lightness: LightnessCurve
    """How its lightness changes."""

    @classmethod
    def measure(
        cls,
        predicted: Lab,
        target: Lab,
        masks: FeatureMasks,
        skin: LightnessCurve,
        state: TrackArrays,
    ) -> "FeatureShift":
        """Return the light's part of the skin's change.

        The white of the eye is alike in all people: how much lighter it is in the target tells how
        much more light there is. Shut eyes leave the track's running mean.

        Args:
            predicted: The predicted face.
            target: The target, of the same size.
            masks: Where they show eyes and more, of any size.
            skin: How the lightness of the skin changes; features change between not at all and as
                much.
            state: The arrays of the face's track, which are updated.

        Returns:
            The shift.
        """
        eyes = zip((predicted, target), (masks.eyes, masks.target_eyes), strict=True)
        whites = [_white(face, mask) for face, mask in eyes]
        known = state.get("eye_whites")
        if None not in whites:
            current = LEVELS_PER_LAB_UNIT * float32(whites)
            known = update_running_mean("eye_whites", current, state, _MIN_WEIGHT)
        if known is None:
            return cls(masks.shown, skin)
        own, other = (float(white) / LEVELS_PER_LAB_UNIT for white in known)
        least, largest = sorted([own, float(skin.apply(float32(own)))])
        shift = float(np.clip(other, least, largest)) - own
        return cls(masks.shown, LightnessCurve(own, shift))

    def share(self, size: int) -> Weights:
        """Return how much each pixel is not skin.

        Args:
            size: Side of the result in pixels.

        Returns:
            0 to 1, [size, size].
        """
        shown = cv2.resize(self.shown, (size, size), interpolation=cv2.INTER_AREA)
        return float32(shown) / 255


def _white(face: Lab, eyes: Mask) -> float | None:
    """Return the typical L* of the white of the eyes; None if they are shut."""
    inside = cv2.resize(eyes, face.shape[1::-1], interpolation=cv2.INTER_AREA) > _INSIDE
    if np.count_nonzero(inside) < _LEAST_PIXELS:
        return None
    return float(np.quantile(face[..., 0][inside], 1 - _BRIGHTER))
