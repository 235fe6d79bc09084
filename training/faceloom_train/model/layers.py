"""Layers of the networks that Keras does not have or that are slow as plain operations."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops

from faceloom_train.augmentation.resampling import resize_bilinear, sample_bilinear
from faceloom_train.backend import xla_compile
from faceloom_train.model.lids import amplify_lids


class Swish(keras.layers.Layer):
    """x * sigmoid(x), in training compiled to one loop, forward and backward.

    As separate operations TensorFlow takes 2.3 times as long in bfloat16 and 1.7 times in float32
    on a CPU: half of a whole step of `base_128`. Leaky ReLU is as fast, but gives a worse swap
    after as many steps (docs/decisions/0003).
    """

    def call(self, x: Any, training: bool = False) -> Any:
        """Apply the activation.

        Args:
            x: A tensor of any shape.
            training: Outside of training the plain operation is used, which ONNX has.
        """
        return _fused_swish()(x) if training else ops.silu(x)


@cache
def _fused_swish() -> Callable[[Any], Any]:
    return xla_compile(lambda x: x * ops.sigmoid(x), jit_compile="auto")


class DepthToSpace(keras.layers.Layer):
    """Rearrange channels into blocks of pixels (a native ONNX operator, unlike reshapes)."""

    def __init__(self, block: int, **kwargs: Any):
        """Set the block size.

        Args:
            block: Side of a block in pixels.
            **kwargs: Arguments of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.block = block

    def call(self, x: Any) -> Any:
        """Rearrange.

        Args:
            x: [n, h, w, c].

        Returns:
            [n, h * block, w * block, c / block^2].
        """
        return ops.depth_to_space(x, self.block)

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the shape of the result.

        Args:
            shape: Shape of the input.
        """
        n, height, width, channels = shape
        return n, height * self.block, width * self.block, channels // self.block**2


class BilinearUpsample(keras.layers.Layer):
    """Enlarge images bilinearly by a factor, with operations that OpenVINO accepts."""

    def __init__(self, factor: int, **kwargs: Any):
        """Set the factor.

        Args:
            factor: How much longer the side becomes.
            **kwargs: Arguments of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        """Enlarge.

        Args:
            x: [n, k, k, c].

        Returns:
            [n, factor * k, factor * k, c].
        """
        return resize_bilinear(x, self.factor * x.shape[1])


class MeanFace(keras.layers.Layer):
    """Add a learned image to the output: the decoder predicts only the difference from it.

    Each pixel of the image may be shifted by a displacement that the decoder predicts, too.
    Permanent details of a face, such as brows, stubble and moles, then follow the performance and
    stay sharp, also in poses that the footage lacks. Its colors may be multiplied by predicted
    gains, so that they follow the light as well.
    """

    def __init__(self, max_shift: float = 0, **kwargs: Any):
        """Set the largest shift.

        Args:
            max_shift: Largest displacement that the decoder predicts, as a fraction of the side; 0:
                no shift. Amplified lids may move further.
            **kwargs: Arguments of `keras.layers.Layer`.
        """
        super().__init__(**kwargs)
        self.max_shift = max_shift
        # Gain of the lids' displacements in predictions, less 1; None: no gain.
        self.lids_gain_map: np.ndarray | None = None

    def build(
        self,
        x_shape: tuple[Any, ...],
        shift_shape: tuple[Any, ...] | None = None,
        light_shape: tuple[Any, ...] | None = None,
    ) -> None:
        """Create the image.

        Args:
            x_shape: Shape of the decoder's output.
            shift_shape: Shape of the displacements; not used.
            light_shape: Shape of the gains; not used.
        """
        self.image = self.add_weight(shape=x_shape[1:], initializer="zeros", name="image")

    def call(
        self,
        x: Any,
        shift: Any = None,
        light: Any = None,
        mirrored: Any = None,
        training: bool = False,
    ) -> Any:
        """Add the image.

        Args:
            x: The decoder's output [n, s, s, c].
            shift: Displacements [n, k, k, 2] before the tanh, x and y, with any k; None: no shift.
            light: Gains before `light_gains`, [n, k, k, 3], with any k; None: no gains.
            mirrored: [n], 1 where the image is mirrored and 0 elsewhere, for training on mirrored
                faces: details of one half of the face are then learned on the side where they are.
                None: a prediction, in which lids are amplified.
            training: Whether the operations are compiled.

        Returns:
            [n, s, s, c].
        """
        image = ops.cast(self.image, x.dtype)
        if shift is None:
            if mirrored is not None:
                image = ops.where(mirrored[:, None, None, None] > 0, ops.flip(image, 1), image)
            return x + image
        add = _fused_add_shifted() if training else add_shifted
        gains = None if light is None else light_gains(light)
        shift = self.max_shift * ops.tanh(shift)
        if mirrored is None and self.lids_gain_map is not None:
            shift = amplify_lids(shift, self.lids_gain_map)
        return add(x, image, shift, gains, mirrored)


def light_gains(light: Any) -> Any:
    """Return gains from 0 to 2 for RGB, 1 where the light is 0, and 1 for the mask.

    Args:
        light: [n, k, k, 3].

    Returns:
        [n, k, k, 4].
    """
    return 1 + ops.pad(ops.tanh(light), [[0, 0], [0, 0], [0, 0], [0, 1]])


def add_shifted(x: Any, image: Any, shift: Any, gains: Any, mirrored: Any) -> Any:
    """Add an image to each of x, each pixel of it shifted and lit (see `MeanFace`).

    Args:
        x: [n, s, s, c].
        image: The image for all [s, s, c], or one for each [n, s, s, c].
        shift: Displacements [n, k, k, 2], x and y, in sides of the image.
        gains: What the image is multiplied by, [n, k, k, c]; None: 1.
        mirrored: [n], 1 where the image is mirrored; None: nowhere.

    Returns:
        [n, s, s, c].
    """
    side, channels = image.shape[-2], image.shape[-1]
    positions, offsets = np.arange(side, dtype=np.float32), side * resize_bilinear(shift, side)
    pixels = ops.reshape(image, (-1, channels))
    columns = offsets[..., 0] + positions
    if mirrored is not None:
        columns = ops.where(mirrored[:, None, None] > 0, side - 1 - columns, columns)
    rows = offsets[..., 1] + positions[:, None]
    first = 0
    if len(image.shape) > 3:
        first = ops.arange(ops.shape(x)[0])[:, None, None] * side**2
    sampled = sample_bilinear(pixels, side, columns, rows, first)
    if gains is not None:
        sampled = sampled * resize_bilinear(gains, side)
    return x + sampled


@cache
def _fused_add_shifted() -> Callable[..., Any]:
    return xla_compile(add_shifted, jit_compile="auto")
