"""The network that started the field: kept as the reference that others are measured against."""

from typing import Any

import keras
from keras import layers

from faceloom_train.config.schema import OriginalNetwork
from faceloom_train.model.layers import DepthToSpace


def build_encoder(config: OriginalNetwork) -> keras.Model:
    """Four strided 5 x 5 convolutions and a dense code of 1024 numbers."""
    face = x = keras.Input((config.size, config.size, 3), name="face")
    for channels in (128, 256, 512, 1024):
        x = layers.Conv2D(channels, 5, strides=2, padding="same", name=f"halve_to_{channels}")(x)
        x = layers.LeakyReLU(0.1)(x)
    return keras.Model(face, layers.Dense(1024, name="code")(layers.Flatten()(x)), name="encoder")


def build_decoders(config: OriginalNetwork, identities: int) -> tuple[keras.Model, ...]:
    """The code as 4 x 4 features, once enlarged, for all; a decoder for each identity."""
    code = keras.Input((1024,), name="code")
    x = layers.Reshape((4, 4, 1024))(layers.Dense(4 * 4 * 1024, name="features")(code))
    inter = keras.Model(code, _upscale(x, 512), name="inter")
    return tuple(_decoder(inter, f"decoder_{number}") for number in range(identities))


def _decoder(inter: keras.Model, name: str) -> keras.Model:
    """Three enlargements and a 5 x 5 convolution to picture and mask."""
    code = keras.Input((1024,), name="code")
    x = inter(code)
    for channels in (256, 128, 64):
        x = _upscale(x, channels)
    x = layers.Conv2D(4, 5, padding="same", name="head")(x)
    return keras.Model(code, layers.Activation("sigmoid", dtype="float32")(x), name=name)


def _upscale(x: Any, channels: int) -> Any:
    x = layers.Conv2D(4 * channels, 3, padding="same", name=f"double_to_{channels}")(x)
    return DepthToSpace(2)(layers.LeakyReLU(0.1)(x))
