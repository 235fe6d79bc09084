"""Bring the target's light to a predicted face: the low frequencies of its color and shading.

A network draws a face in the light of its training footage, with blotches that no light makes. In
each picture, a surface of the second order is fitted to the skin that both faces show; the
difference of the two surfaces is added to the prediction. A surface describes light from any side
and its falloff, and cannot describe a nose or a cheek of the target.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Weights, float32
from faceloom.color import LEVELS_PER_LAB_UNIT, Lab
from faceloom.swap.compositing.running_mean import update_running_mean
from faceloom.swap.selection.track_state import TrackArrays

# Side, in pixels, of the pictures that the surfaces are fitted to.
_SIDE = 32
# The face's extent as a share of the crop's side.
_FACE_EXTENT = 0.8
# Penalty of the coefficients' squares, for each pixel of the crop: the less skin is seen, the
# flatter is its surface.
_RIDGE = 0.01
# Largest change of L*, a* and b*: more is a hard shadow, which has no low frequency.
_LIMITS = float32([15, 8, 8])
# Distance from a surface at which a pixel counts half, in mean distances.
_TYPICAL = 3.0
# Smallest such distance in L*: grain.
_LEAST_SCALE = 0.5
# Smallest weight to divide by.
_LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True)
class TargetLight:
    """The light of a target's face, smoothed over time."""

    surface: Lab
    """The surface of its skin, 32 x 32 pixels."""
    skin: Weights
    """The weight of each pixel of the target: where both faces show skin."""

    def difference(self, swapped: Lab) -> Lab:
        """Return what brings this light to a predicted face.

        The prediction's surface is measured in each frame, so that its flicker is removed.

        Args:
            swapped: The predicted face, of the size of `skin`.

        Returns:
            What to add to it, 32 x 32 pixels; 0 in the mean over the skin, where it is not limited.
        """
        weights = _reduced(self.skin)
        own = _fitted_surface(_averaged(swapped, self.skin, weights), weights)
        difference = self.surface - own
        difference -= _weighted_mean(difference, weights)
        return float32(_LIMITS * np.tanh(difference / _LIMITS))


def measure_light(target: Lab, skin: Weights, state: TrackArrays) -> TargetLight:
    """Measure the light of a target.

    Args:
        target: The target.
        skin: The weight of each pixel: where both faces show skin.
        state: The arrays of the face's track, which are updated.
    """
    weights = _reduced(skin)
    reference = _fitted_surface(_averaged(target, skin, weights), weights)
    levels = update_running_mean("light", LEVELS_PER_LAB_UNIT * reference, state)
    return TargetLight(float32(levels / LEVELS_PER_LAB_UNIT), skin)


def add_light(face: Lab, light: Lab) -> Lab:
    """Add what `TargetLight.difference` returned to a face of any size.

    Args:
        face: The face, which stays as it is.
        light: The difference.
    """
    large = cv2.resize(light, face.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return float32(face + large)


def _reduced(skin: Weights) -> Weights:
    return float32(cv2.resize(skin, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))


def _averaged(picture: Lab, skin: Weights, weights: Weights) -> Lab:
    """Shrink a picture to the size of the weights, averaging skin alone."""
    visible = cv2.multiply(picture, cv2.merge([skin, skin, skin]))
    total = cv2.resize(visible, weights.shape, interpolation=cv2.INTER_AREA)
    return float32(total / np.maximum(weights, _LEAST_WEIGHT)[..., None])


def _fitted_surface(picture: Lab, weights: Weights) -> Lab:
    """Return the surface that is nearest to a picture; what differs much counts less.

    P. J. Huber, "Robust Statistics", 1981: least squares, and again with the weights of Cauchy.
    """
    surface = _least_squares(picture, weights)
    distance = np.abs((picture - surface)[..., 0] - _weighted_mean(picture - surface, weights)[0])
    scale = _TYPICAL * float(_weighted_mean(distance[..., None], weights)[0])
    reweighted = weights / (1 + (distance / max(scale, _LEAST_SCALE)) ** 2)
    reweighted *= weights.sum() / max(float(reweighted.sum()), _LEAST_WEIGHT)
    return _least_squares(picture, float32(reweighted))


def _least_squares(picture: Lab, weights: Weights) -> Lab:
    """Return the nearest surface without its constant, by ridge regression."""
    terms = _TERMS - _weighted_mean(_TERMS, weights)
    columns = terms.reshape(-1, terms.shape[-1])
    weighted = (columns * weights.reshape(-1, 1)).T
    products = weighted @ columns + _RIDGE * weights.size * np.eye(len(weighted))
    coefficients = np.linalg.solve(products, weighted @ picture.reshape(-1, 3))
    return float32(_TERMS @ coefficients)


def _weighted_mean(values: np.ndarray, weights: Weights) -> Float32[np.ndarray, "c"]:
    """Return the mean of each channel; 0 without any weight."""
    total = (values * weights[..., None]).sum((0, 1))
    return float32(total / max(float(weights.sum()), _LEAST_WEIGHT))


def _surface_terms() -> Float32[np.ndarray, "_ _ 5"]:
    """Return x, y, x^2, xy and y^2 of every pixel; x and y are -1..1 in the face."""
    y, x = ((np.mgrid[:_SIDE, :_SIDE] + 0.5) * 2 / _SIDE - 1) / _FACE_EXTENT
    return float32(np.stack([x, y, x * x, x * y, y * y], -1))


_TERMS = _surface_terms()
