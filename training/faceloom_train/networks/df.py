"""The "df" family (one code for all, a decoder each) with the costly layers at a fraction of the size.

The decoder's body works at 1/`head` of the picture's side and its last convolution writes
`head` x `head` pixels at once, as DeepFaceLab's "-d" networks do with 2: nearly all of the
operations of a full-size body are saved and little of its detail is lost.

Layers with weights are named by their distance from the smallest features, so that a larger network of one
more halving and doubling finds its like in a smaller one (see `faceloom_train.warm_start`).
"""

from typing import Any

import keras
from keras import initializers, layers

from faceloom_train.config import DfNetwork
from faceloom_train.layers import DepthToSpace, RmsNorm, Swish, Template


def build_encoder(config: DfNetwork) -> keras.Model:
    """A strided stem, halving convolutions, and a normalised dense code."""
    face = keras.Input((config.size, config.size, 3), name="face")
    x = layers.Rescaling(4.0, -2.0)(face)
    x = _active(_conv(x, config.encoder[0], 2 * config.stem, "stem", strides=config.stem))
    for level in range(1, len(config.encoder)):
        x = _active(_conv(x, config.encoder[level], 3, f"halve_{len(config.encoder) - 1 - level}", strides=2))
    code = layers.Dense(config.code, name="code")(layers.Flatten()(x))
    return keras.Model(face, RmsNorm()(code), name="encoder")


def build_inter(config: DfNetwork) -> keras.Model:
    """The code as the smallest features, and the doublings that all identities share."""
    side, channels = _side(config, 0), config.decoder[0]
    code = keras.Input((config.code,), name="code")
    x = _active(layers.Dense(side * side * channels, kernel_initializer="he_normal", name="features")(code))
    x = layers.Reshape((side, side, channels))(x)
    for level in range(config.shared):
        x = _double(_residuals(x, config, level), config, level + 1)
    return keras.Model(code, x, name="inter")


def build_decoder(config: DfNetwork, name: str) -> keras.Model:
    """Doublings with residual blocks between them, a head that writes blocks of pixels, the template."""
    side = _side(config, config.shared)
    features = keras.Input((side, side, config.decoder[config.shared]), name="features")
    x = _residuals(features, config, config.shared)
    for level in range(config.shared + 1, len(config.decoder)):
        x = _residuals(_double(x, config, level), config, level)
    x = _conv(x, 4 * config.head**2, 3, "head", initializer=initializers.VarianceScaling(0.05))
    x = layers.Activation("linear", dtype="float32")(DepthToSpace(config.head)(x))
    if config.template:
        x = Template(name="template", dtype="float32")(x)
    return keras.Model(features, x, name=name)


def _side(config: DfNetwork, level: int) -> int:
    """The features' side at a level of the decoder."""
    return config.size // (config.head * 2 ** (len(config.decoder) - 1 - level))


def _conv(x: Any, channels: int, kernel: int, name: str, strides: int = 1, initializer: Any = "he_normal") -> Any:
    return layers.Conv2D(channels, kernel, strides, padding="same", kernel_initializer=initializer, name=name)(x)


def _active(x: Any) -> Any:
    return Swish()(x)


def _double(x: Any, config: DfNetwork, level: int) -> Any:
    return DepthToSpace(2)(_active(_conv(x, 4 * config.decoder[level], 3, f"double_{level}")))


def _residuals(x: Any, config: DfNetwork, level: int) -> Any:
    for number in range(config.residuals[level]):
        name = f"residual_{level}_{number}"
        # Begins near the identity, so that depth does not slow the first steps.
        small = initializers.VarianceScaling(0.2)
        y = _active(_conv(x, x.shape[-1], 3, f"{name}_a"))
        x = _active(layers.Add()([x, _conv(y, x.shape[-1], 3, f"{name}_b", initializer=small)]))
    return x
