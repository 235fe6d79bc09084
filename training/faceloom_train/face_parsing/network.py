"""The face parsing network: a small residual U-Net on 128-pixel crops."""

from typing import Any

import keras
from keras import layers, ops

from faceloom.faces.parsing.regions import PARSING_SIDE, Region

# Channels of each level, from half the input's resolution downwards.
_LEVEL_CHANNELS = (24, 56, 112, 192)


def build_parser() -> keras.Model:
    """Build the network, without trained weights.

    Returns:
        A model from crops [n, 128, 128, 3] in 0..1 to logits [n, 128, 128, regions].
    """
    crops = keras.Input((PARSING_SIDE, PARSING_SIDE, 3), name="crops")
    x = _conv(crops, _LEVEL_CHANNELS[0], kernel=5, stride=2)
    skips = []
    for channels in _LEVEL_CHANNELS[1:]:
        skips.append(x)
        x = _residual(_conv(x, channels, stride=2), channels)
    x = _residual(x, _LEVEL_CHANNELS[-1])
    for skip, channels in zip(reversed(skips), reversed(_LEVEL_CHANNELS[:-1]), strict=True):
        x = layers.UpSampling2D(2, interpolation="bilinear")(_conv(x, channels, kernel=1))
        x = _residual(layers.add([x, skip]), channels)
    # Four predictions per pixel at half resolution become the 2 x 2 pixels of the output.
    x = layers.Conv2D(4 * len(Region), 3, padding="same", dtype="float32", name="logits")(x)
    return keras.Model(crops, DepthToSpaceLogits(name="regions")(x), name="face_parser")


class DepthToSpaceLogits(layers.Layer):
    """Rearrange four predictions per pixel into 2 x 2 pixels, in float32."""

    def __init__(self, **kwargs: Any):
        """Create the layer.

        Args:
            **kwargs: Arguments of `keras.layers.Layer`.
        """
        super().__init__(dtype="float32", **kwargs)

    def call(self, x: Any) -> Any:
        """Rearrange.

        Args:
            x: [n, h, w, 4 * regions].

        Returns:
            [n, 2h, 2w, regions].
        """
        return ops.depth_to_space(x, 2)


def _conv(x: Any, channels: int, *, kernel: int = 3, stride: int = 1) -> Any:
    x = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))


def _residual(x: Any, channels: int) -> Any:
    return layers.add([x, _conv(x, channels)])
