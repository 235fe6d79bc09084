"""Layers that Keras lacks."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops

from faceloom_train.backend import fused
from faceloom_train.data import LANDMARK_UNIT
from faceloom_train.sampling import enlarged, read_linearly

# The side of the grid on which a template follows the landmarks.
FOLLOWING_SIDE = 32


class RmsNorm(keras.layers.Layer):
    """Divide the code by its root mean square, so that only its direction carries meaning."""

    def call(self, code: Any) -> Any:
        """Normalise [n, c] over c, in float32 whatever the policy: half precision squares overflow."""
        exact = ops.cast(code, "float32")
        scale = ops.rsqrt(ops.mean(ops.square(exact), axis=-1, keepdims=True) + 1e-6)
        return ops.cast(exact * scale, code.dtype)


class Swish(keras.layers.Layer):
    """x * sigmoid(x), in training compiled to one loop, as is its way back.

    Operation by operation TensorFlow takes 2.3 times as long in bfloat16 and 1.7 times in float32 on a CPU: half of a
    whole step of `base_128`. Leaky ReLU is as fast, and makes a worse swap of as many steps (docs/decisions/0003).
    """

    def call(self, x: Any, training: bool = False) -> Any:
        """Any shape -> the same. Outside of training it is the plain operation, which ONNX knows."""
        return _fused_swish()(x) if training else ops.silu(x)


@cache
def _fused_swish() -> Callable[[Any], Any]:
    return fused(lambda x: x * ops.sigmoid(x), jit_compile="auto")


class DepthToSpace(keras.layers.Layer):
    """Rearrange channels into `block` x `block` pixels (a native ONNX operator, unlike reshapes)."""

    def __init__(self, block: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.block = block

    def call(self, x: Any) -> Any:
        """[n, h, w, c] -> [n, h * block, w * block, c / block^2]."""
        return ops.depth_to_space(x, self.block)

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the shape of `call`'s result."""
        n, height, width, channels = shape
        return n, height * self.block, width * self.block, channels // self.block**2


class Enlarge(keras.layers.Layer):
    """Enlarge pictures `factor` times, linearly."""

    def __init__(self, factor: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        """[n, k, k, c] -> [n, factor * k, factor * k, c]."""
        return enlarged(x, self.factor * x.shape[1])


class Template(keras.layers.Layer):
    """A learned picture added to the output: the decoder has only to draw what differs from it.

    reach: how far, in shares of the side, each of its pixels may be moved first, by a displacement that the decoder
    draws as well. What never changes on a face, its brows, stubble and moles, then is where the performance puts it, as
    sharp as it was learned, also in poses that the footage lacked. 0: it stays where it is.

    Given landmarks, a picture that moves follows them first, each place those that are nearest to it, and the
    displacement that is drawn is only what is left. What is drawn is learned from the footage's own combinations of
    a pose and an expression, and moves less far in others; landmarks, linear in the code, hold there too, if they
    were learned from much footage.
    """

    def __init__(self, reach: float = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.reach = reach
        self.shares: Any = None

    def build(
        self,
        x_shape: tuple[Any, ...],
        moved_shape: tuple[Any, ...] | None = None,
        landmarks_shape: tuple[Any, ...] | None = None,
    ) -> None:
        """Make the picture, and how much each landmark says of each place of a grid (see `shares_of_points`)."""
        self.picture = self.add_weight(shape=x_shape[1:], initializer="zeros", name="picture")
        if landmarks_shape is not None:
            shape = (FOLLOWING_SIDE**2, landmarks_shape[-1] // 2)
            self.shares = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="shares")

    def call(
        self, x: Any, moved: Any = None, landmarks: Any = None, mirrored: Any = None, training: bool = False
    ) -> Any:
        """[n, s, s, c] and, if the picture is moved, [n, k, k, 2] of any size, x and y -> [n, s, s, c].

        landmarks: [n, 2 p], with `moved`: how far each is from its place in the picture, x and y, in LANDMARK_UNIT.
        mirrored: [n], for training on mirrored faces: where it is 1, and not 0, the picture is mirrored, too. A mole is
        then learned on the side where it is, and stubble as it grows.
        """
        picture = ops.cast(self.picture, x.dtype)
        if moved is None:
            if mirrored is not None:
                picture = ops.where(mirrored[:, None, None, None] > 0, ops.flip(picture, 1), picture)
            return x + picture
        add = _fused_add_moved() if training else _add_moved
        followed = None if landmarks is None else self._followed(landmarks)
        return add(x, picture, self.reach * ops.tanh(moved), followed, mirrored)

    def _followed(self, landmarks: Any) -> Any:
        """How far the picture is to be read from each place of a grid, by the landmarks alone: [n, k, k, 2]."""
        away = ops.matmul(self.shares, ops.reshape(landmarks, (-1, self.shares.shape[1], 2)))
        return ops.reshape(-LANDMARK_UNIT * away, (-1, FOLLOWING_SIDE, FOLLOWING_SIDE, 2))


def _add_moved(x: Any, picture: Any, moved: Any, followed: Any, mirrored: Any) -> Any:
    """Add a picture [s, s, c] to each of x; moved, followed: see `Template`, in shares of the side."""
    side, _, channels = picture.shape
    at, way = np.arange(side, dtype=np.float32), side * enlarged(moved, side)
    if followed is not None:
        way = way + side * enlarged(followed, side)
    pixels = ops.reshape(picture, (-1, channels))
    across = way[..., 0] + at
    if mirrored is not None:
        across = ops.where(mirrored[:, None, None] > 0, side - 1 - across, across)
    return x + read_linearly(pixels, side, across, way[..., 1] + at[:, None])


@cache
def _fused_add_moved() -> Callable[..., Any]:
    return fused(_add_moved, jit_compile="auto")
