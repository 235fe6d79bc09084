"""The deepfakes network of 2017, kept as the reference for the others."""

from typing import Any

import keras
from keras import layers

from faceloom_train.config.schema import OriginalNetwork
from faceloom_train.model.layers import DepthToSpace

_LATENT_DIM = 1024


def build_encoder(config: OriginalNetwork) -> keras.Model:
    """Build four strided 5 x 5 convolutions and a dense latent of 1024 numbers.

    Args:
        config: The network.
    """
    face = x = keras.Input((config.size, config.size, 3), name="face")
    for channels in (128, 256, 512, 1024):
        x = layers.Conv2D(channels, 5, strides=2, padding="same", name=f"halve_to_{channels}")(x)
        x = layers.LeakyReLU(0.1)(x)
    latent = layers.Dense(_LATENT_DIM, name="latent")(layers.Flatten()(x))
    return keras.Model(face, latent, name="encoder")


def build_decoders(config: OriginalNetwork, count: int) -> tuple[keras.Model, ...]:
    """Build a decoder for each identity; the latent as 4 x 4 features, doubled once, is shared.

    Args:
        config: The network.
        count: Number of identities.
    """
    latent = keras.Input((_LATENT_DIM,), name="latent")
    x = layers.Reshape((4, 4, 1024))(layers.Dense(4 * 4 * 1024, name="features")(latent))
    inter = keras.Model(latent, _double(x, 512), name="inter")
    return tuple(_build_decoder(inter, f"decoder_{index}") for index in range(count))


def _build_decoder(inter: keras.Model, name: str) -> keras.Model:
    """Three doublings and a 5 x 5 convolution to RGB and mask."""
    latent = keras.Input((_LATENT_DIM,), name="latent")
    x = inter(latent)
    for channels in (256, 128, 64):
        x = _double(x, channels)
    x = layers.Conv2D(4, 5, padding="same", name="head")(x)
    return keras.Model(latent, layers.Activation("sigmoid", dtype="float32")(x), name=name)


def _double(x: Any, channels: int) -> Any:
    x = layers.Conv2D(4 * channels, 3, padding="same", name=f"double_to_{channels}")(x)
    return DepthToSpace(2)(layers.LeakyReLU(0.1)(x))
