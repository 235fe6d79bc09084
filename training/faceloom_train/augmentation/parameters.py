"""The random numbers of a batch's augmentation: a pure function of a seed and the step."""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from faceloom.array_types import float32
from faceloom_train.config.schema import AugmentationConfig

# Half the width of an occluder in shares of the crop's side, how much longer it is, and the width of its edge.
_HALF_WIDTH, _LONGER, _EDGE = (0.05, 0.2), 4.0, (0.006, 0.02)


def sample_augmentation(
    seed: tf.Tensor, shape: tuple[int, int], augment: AugmentationConfig
) -> dict[str, tf.Tensor]:
    """Draw the parameters of one batch's augmentation, with leading axes `shape`, from a seed of two numbers.

    Always there are mirrored (0 or 1), target_map, input_map [2, 3] and light [7]; what is switched off has no array:
    warp [5, 5, 2], occluder_map [2, 3] and occluder_look [10], blur and compression (see the modules that use them).
    """
    draw = _Draws(seed, shape)
    mirrored = draw.uniform((), 0, 1) < augment.flip_probability
    flip = tf.where(mirrored, -1.0, 1.0)
    shared = _similarity(draw, augment.rotation, augment.zoom, augment.shift)
    drawn = {
        "mirrored": tf.cast(mirrored, tf.float32),
        "target_map": tf.concat([shared[..., :1] * flip[..., None, None], shared[..., 1:]], -1),
        "input_map": _similarity(
            draw, augment.input_rotation, augment.input_zoom, augment.input_shift
        ),
        "light": _light(draw, augment.color_jitter),
    }
    if augment.warp:
        drawn["warp"] = draw.normal((5, 5, 2), augment.warp)
    if augment.occlusion_probability:
        drawn |= _occluder(draw, augment.occlusion_probability)
    if augment.degradation_probability:
        # A whole step's footage is poor or none of it is: what is not poor then costs nothing.
        poor = tf.cast(draw.once() < augment.degradation_probability, tf.float32)
        drawn["blur"] = poor * draw.uniform((), 0, augment.blur)
        drawn["compression"] = poor * draw.uniform((), 0, augment.jpeg_strength)
    return drawn


class _Draws:
    """Stateless random numbers, a new stream at each call."""

    def __init__(self, seed: tf.Tensor, shape: tuple[int, int]):
        self._seed = seed
        self._shape = shape
        # Streams 0, 1, ... choose the faces.
        self._stream = 1000

    def uniform(
        self, shape: tuple[int, ...], low: float | Sequence[float], high: float | Sequence[float]
    ) -> tf.Tensor:
        """Between `low` and `high`, which are numbers or lists of one for each of the last axis."""
        share = tf.random.stateless_uniform((*self._shape, *shape), self._next())
        return float32(low) + share * (float32(high) - float32(low))

    def normal(self, shape: tuple[int, ...], spread: float) -> tf.Tensor:
        return tf.random.stateless_normal((*self._shape, *shape), self._next(), 0, spread)

    def once(self) -> tf.Tensor:
        """Return one number, 0 to 1, for the whole batch."""
        return tf.random.stateless_uniform((), self._next())

    def _next(self) -> tf.Tensor:
        self._stream += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._stream)


def _similarity(draw: _Draws, rotation: float, zoom: float, shift: float) -> tf.Tensor:
    """Random similarities [b, i, 2, 3]: up to `rotation` degrees, zoom by up to exp(+-`zoom`), shift."""
    angle = draw.uniform((), -rotation, rotation) * (np.pi / 180)
    scale = tf.exp(draw.uniform((), -zoom, zoom))
    x, y = tf.unstack(draw.uniform((2,), -shift, shift), axis=-1)
    cos, sin = scale * tf.cos(angle), scale * tf.sin(angle)
    return tf.stack([tf.stack([cos, -sin, x], -1), tf.stack([sin, cos, y], -1)], -2)


def _light(draw: _Draws, strength: float) -> tf.Tensor:
    """Gain of each channel, contrast, brightness, shading across and down [b, i, 7]."""
    spread = float32([0.12, 0.12, 0.12, 0.25, 0.1, 0.2, 0.2])
    return float32([1, 1, 1, 1, 0, 0, 0]) + strength * spread * draw.uniform((7,), -1, 1)


def _occluder(draw: _Draws, share: float) -> dict[str, tf.Tensor]:
    """Something before a face, of any place, size and look; see `faceloom_train.augmentation.occlusion` for what the numbers mean."""
    narrow, wide = _HALF_WIDTH
    low = (-0.35, -0.35, 0, math.log(narrow), 0, _EDGE[0])
    high = (0.35, 0.35, 2 * np.pi, math.log(wide), math.log(_LONGER), _EDGE[1])
    x, y, angle, width, longer, edge = tf.unstack(draw.uniform((6,), low, high), axis=-1)
    width = tf.exp(width)
    length = width * tf.exp(longer)
    along = tf.stack([tf.cos(angle), tf.sin(angle)], -1) / length[..., None]
    across = tf.stack([-tf.sin(angle), tf.cos(angle)], -1) / width[..., None]
    turned = tf.stack([along, across], -2)
    away = -tf.linalg.matvec(turned, tf.stack([x, y], -1))
    there = tf.cast(draw.uniform((), 0, 1) < share, tf.float32)
    # Most things are more gray than colored.
    color = draw.uniform((1,), 0.05, 0.9) + draw.uniform((3,), -0.2, 0.2)
    # Skin; shading along and across; roundness; fingers, which half of them have not.
    look = draw.uniform((5,), (-1, -0.4, -0.4, 0, -6), (1, 0.4, 0.4, 2, 6))
    return {
        "occluder_map": tf.concat([turned, away[..., None]], -1),
        "occluder_look": tf.concat([color, look, tf.stack([there, width / (4 * edge)], -1)], -1),
    }
