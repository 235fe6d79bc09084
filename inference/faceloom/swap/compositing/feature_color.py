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
from faceloom.swap.compositing.quantiles import quantiles
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
    """What a predicted face shows that is not skin, and the eyes of both faces, 0 to 255."""

    features: Mask
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
        features = cv2.add(cv2.addWeighted(eyes, 1, brows, _BROW_SHARE, 0), mouth)
        target_eyes = region_mask(pair.target, (Region.EYES,), size)
        return cls(np.asarray(features, np.uint8), eyes, target_eyes)

    def weights(self, size: int) -> Weights:
        """Return how much each pixel of the prediction is not skin.

        Args:
            size: Side of the result in pixels.

        Returns:
            0 to 1, [size, size].
        """
        features = cv2.resize(self.features, (size, size), interpolation=cv2.INTER_AREA)
        return float32(features) / 255


@dataclass(frozen=True, slots=True)
class EyeWhites:
    """The lightness of the white of the eyes of two faces, smoothed over time."""

    predicted: float | None
    """L* of the prediction's, 0 to 100; None as long as its eyes were not open."""
    target: float | None
    """L* of the target's, 0 to 100; None as long as its eyes were not open."""

    def feature_lightness(self, skin: LightnessCurve) -> LightnessCurve:
        """Return how the lightness of what is not skin changes: by the light's part of the skin's.

        The white of the eye is alike in all people: how much lighter it is in the target tells how
        much more light there is.

        Args:
            skin: How the lightness of the skin changes.

        Returns:
            A change between none and the skin's; none if a white is not known.
        """
        if self.predicted is None or self.target is None:
            return LightnessCurve(skin.center, 0)
        moved = float(skin.apply(float32([self.predicted]))[0])
        least, largest = sorted([self.predicted, moved])
        return LightnessCurve.between(self.predicted, float(np.clip(self.target, least, largest)))


def measure_eye_whites(
    predicted: Lab, target: Lab, masks: FeatureMasks, state: TrackArrays
) -> EyeWhites:
    """Measure the white of the eyes of a predicted face and of its target.

    Args:
        predicted: The predicted face.
        target: The target, of the same size.
        masks: What they show, of any size.
        state: The arrays of the face's track, which are updated.
    """
    return EyeWhites(
        _white("eye_white", predicted, masks.eyes, state),
        _white("target_eye_white", target, masks.target_eyes, state),
    )


def _white(name: str, face: Lab, eyes: Mask, state: TrackArrays) -> float | None:
    """Return the typical L* of the white of a track's eyes; None if they were never open."""
    inside = cv2.resize(eyes, face.shape[1::-1], interpolation=cv2.INTER_AREA) > _INSIDE
    mean = state.get(name)
    if np.count_nonzero(inside) >= _LEAST_PIXELS:
        white = quantiles(face[..., 0][inside], (1 - _BRIGHTER,))
        mean = update_running_mean(name, float32(LEVELS_PER_LAB_UNIT * white), state, _MIN_WEIGHT)
    return None if mean is None else float(mean[0]) / LEVELS_PER_LAB_UNIT
