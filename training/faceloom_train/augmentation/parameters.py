"""Sample the parameters of a batch's augmentation: a pure function of a seed and the step."""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from faceloom.array_types import float32
from faceloom_train.config.schema import AugmentationConfig

# Side of the grid of displacements that warps an input.
_WARP_GRID = 5
# Numbers that describe a color jitter and an occluder.
_COLOR_JITTER_SIZE = 7
_OCCLUDER_SIZE = 10
# Half the width of an occluder, smallest and largest, as a fraction of the crop's side.
_OCCLUDER_HALF_WIDTH = (0.05, 0.2)
# Largest ratio of an occluder's length to its width.
_OCCLUDER_MAX_RATIO = 4.0
# Width of an occluder's soft edge, smallest and largest, as a fraction of the crop's side.
_OCCLUDER_EDGE = (0.006, 0.02)
# Probability that an occluder is hidden from the encoder. In conversion those are hidden that the
# face parsing network finds; the encoder must know both kinds.
_OCCLUDER_HIDDEN = 0.5
# Streams 0, 1, ... of a step sample the faces of each identity.
_FIRST_STREAM = 1000


def sample_augmentation(
    seed: tf.Tensor, shape: tuple[int, int], config: AugmentationConfig
) -> dict[str, tf.Tensor]:
    """Sample the augmentation of one batch.

    Args:
        seed: Two integers: the run's seed and the step.
        shape: Leading axes of the arrays: faces and identities.
        config: Strengths and probabilities.

    Returns:
        Arrays with the shapes of `augmentation_shapes` after the leading axes. `mirrored` is 0 or
        1; the transforms map output coordinates to the source's; the other arrays are documented
        where they are used, in `pipeline`, `occlusion` and `degradation`.
    """
    sampler = _Sampler(seed, shape)
    mirrored = sampler.uniform((), 0, 1) < config.flip_probability
    flip = tf.where(mirrored, -1.0, 1.0)
    shared = _similarity(sampler, config.rotation, config.zoom, config.shift)
    parameters = {
        "mirrored": tf.cast(mirrored, tf.float32),
        "target_transform": tf.concat(
            [shared[..., :1] * flip[..., None, None], shared[..., 1:]], -1
        ),
        "input_transform": _similarity(
            sampler, config.input_rotation, config.input_zoom, config.input_shift
        ),
        "color_jitter": _color_jitter(sampler, config.color_jitter),
    }
    if config.warp:
        parameters["warp"] = sampler.normal((_WARP_GRID, _WARP_GRID, 2), config.warp)
    if config.occlusion_probability:
        parameters |= _occluder(sampler, config.occlusion_probability)
    if config.degradation_probability:
        # All faces of a step are degraded or none, so that the other steps skip the computation.
        degraded = tf.cast(sampler.scalar() < config.degradation_probability, tf.float32)
        parameters["blur"] = degraded * sampler.uniform((), 0, config.blur)
        parameters["jpeg_strength"] = degraded * sampler.uniform((), 0, config.jpeg_strength)
    if config.occlusion_probability:
        hidden = sampler.uniform((), 0, 1) < _OCCLUDER_HIDDEN
        parameters["occluder_hidden"] = tf.cast(hidden, tf.float32)
    if config.light_jitter:
        parameters["light_jitter"] = _color_jitter(sampler, config.light_jitter)
    return parameters


def augmentation_shapes(config: AugmentationConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape for one face of each array of `sample_augmentation`.

    Args:
        config: Strengths and probabilities; what is switched off has no array.
    """
    shapes: dict[str, tuple[int, ...]] = {
        "mirrored": (),
        "target_transform": (2, 3),
        "input_transform": (2, 3),
        "color_jitter": (_COLOR_JITTER_SIZE,),
    }
    if config.warp:
        shapes["warp"] = (_WARP_GRID, _WARP_GRID, 2)
    if config.occlusion_probability:
        shapes |= {"occluder_transform": (2, 3), "occluder_params": (_OCCLUDER_SIZE,)}
    if config.degradation_probability:
        shapes |= {"blur": (), "jpeg_strength": ()}
    if config.occlusion_probability:
        shapes["occluder_hidden"] = ()
    if config.light_jitter:
        shapes["light_jitter"] = (_COLOR_JITTER_SIZE,)
    return shapes


class _Sampler:
    """Stateless random numbers, from a new stream at each call."""

    def __init__(self, seed: tf.Tensor, shape: tuple[int, int]):
        self._seed = seed
        self._shape = shape
        self._stream = _FIRST_STREAM

    def uniform(
        self, shape: tuple[int, ...], low: float | Sequence[float], high: float | Sequence[float]
    ) -> tf.Tensor:
        """Sample between `low` and `high`, given for all or for each element of the last axis."""
        fraction = tf.random.stateless_uniform((*self._shape, *shape), self._next_seed())
        return float32(low) + fraction * (float32(high) - float32(low))

    def normal(self, shape: tuple[int, ...], stddev: float) -> tf.Tensor:
        return tf.random.stateless_normal((*self._shape, *shape), self._next_seed(), 0, stddev)

    def scalar(self) -> tf.Tensor:
        """Sample one number, 0 to 1, for the whole batch."""
        return tf.random.stateless_uniform((), self._next_seed())

    def _next_seed(self) -> tf.Tensor:
        self._stream += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._stream)


def _similarity(sampler: _Sampler, rotation: float, zoom: float, shift: float) -> tf.Tensor:
    """Similarity transforms [b, i, 2, 3]: up to `rotation` degrees, zoom up to exp(+-`zoom`)."""
    angle = sampler.uniform((), -rotation, rotation) * (np.pi / 180)
    scale = tf.exp(sampler.uniform((), -zoom, zoom))
    x, y = tf.unstack(sampler.uniform((2,), -shift, shift), axis=-1)
    cos, sin = scale * tf.cos(angle), scale * tf.sin(angle)
    return tf.stack([tf.stack([cos, -sin, x], -1), tf.stack([sin, cos, y], -1)], -2)


def _color_jitter(sampler: _Sampler, strength: float) -> tf.Tensor:
    """Gain of each channel, contrast, brightness, shading across and down [b, i, 7]."""
    amplitude = float32([0.12, 0.12, 0.12, 0.25, 0.1, 0.2, 0.2])
    return float32([1, 1, 1, 1, 0, 0, 0]) + strength * amplitude * sampler.uniform(
        (_COLOR_JITTER_SIZE,), -1, 1
    )


def _occluder(sampler: _Sampler, probability: float) -> dict[str, tf.Tensor]:
    """Occluders of random place, size and color (see `occlusion.overlay_occluder`)."""
    narrow, wide = _OCCLUDER_HALF_WIDTH
    low = (-0.35, -0.35, 0, math.log(narrow), 0, _OCCLUDER_EDGE[0])
    high = (
        0.35,
        0.35,
        2 * np.pi,
        math.log(wide),
        math.log(_OCCLUDER_MAX_RATIO),
        _OCCLUDER_EDGE[1],
    )
    x, y, angle, width, ratio, edge = tf.unstack(sampler.uniform((6,), low, high), axis=-1)
    width = tf.exp(width)
    length = width * tf.exp(ratio)
    along = tf.stack([tf.cos(angle), tf.sin(angle)], -1) / length[..., None]
    across = tf.stack([-tf.sin(angle), tf.cos(angle)], -1) / width[..., None]
    rotation = tf.stack([along, across], -2)
    translation = -tf.linalg.matvec(rotation, tf.stack([x, y], -1))
    visible = tf.cast(sampler.uniform((), 0, 1) < probability, tf.float32)
    # A gray level plus a smaller color: most objects are nearly gray.
    color = sampler.uniform((1,), 0.05, 0.9) + sampler.uniform((3,), -0.2, 0.2)
    # Skin brightness; shading along and across; roundness; depth of fingers, half of them none.
    surface = sampler.uniform((5,), (-1, -0.4, -0.4, 0, -6), (1, 0.4, 0.4, 2, 6))
    return {
        "occluder_transform": tf.concat([rotation, translation[..., None]], -1),
        "occluder_params": tf.concat(
            [color, surface, tf.stack([visible, width / (4 * edge)], -1)], -1
        ),
    }
