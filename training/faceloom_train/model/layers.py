"""Layers that Keras lacks."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops

from faceloom_train.augmentation.resampling import enlarged, read_linearly
from faceloom_train.backend import fused


class RmsNorm(keras.layers.Layer):
    """Divide the code by its root mean square, so that only its direction carries meaning."""

    def call(self, code: Any) -> Any:
        """Normalize [n, c] over c, in float32 whatever the policy: half precision squares overflow."""
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
    """

    def __init__(self, reach: float = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.reach = reach

    def build(self, x_shape: tuple[Any, ...], moved_shape: tuple[Any, ...] | None = None) -> None:
        """Make the picture."""
        self.picture = self.add_weight(shape=x_shape[1:], initializer="zeros", name="picture")

    def call(self, x: Any, moved: Any = None, mirrored: Any = None, training: bool = False) -> Any:
        """[n, s, s, c] and, if the picture is moved, [n, k, k, 2] of any size, x and y -> [n, s, s, c].

        mirrored: [n], for training on mirrored faces: where it is 1, and not 0, the picture is mirrored, too. A mole is
        then learned on the side where it is, and stubble as it grows.
        """
        picture = ops.cast(self.picture, x.dtype)
        if moved is None:
            if mirrored is not None:
                picture = ops.where(
                    mirrored[:, None, None, None] > 0, ops.flip(picture, 1), picture
                )
            return x + picture
        add = _fused_add_moved() if training else _add_moved
        return add(x, picture, self.reach * ops.tanh(moved), mirrored)


def _add_moved(x: Any, picture: Any, moved: Any, mirrored: Any) -> Any:
    """Add a picture [s, s, c] to each of x; moved: see `Template`, in shares of the side."""
    side, _, channels = picture.shape
    at, way = np.arange(side, dtype=np.float32), side * enlarged(moved, side)
    pixels = ops.reshape(picture, (-1, channels))
    across = way[..., 0] + at
    if mirrored is not None:
        across = ops.where(mirrored[:, None, None] > 0, side - 1 - across, across)
    return x + read_linearly(pixels, side, across, way[..., 1] + at[:, None])


@cache
def _fused_add_moved() -> Callable[..., Any]:
    return fused(_add_moved, jit_compile="auto")
