"""What `df` and `liae` are made of: an encoder and a decoder with the costly layers at a fraction of the size.

The decoder's body works at 1/`head` of the picture's side and its last convolution writes
`head` x `head` pixels at once, as DeepFaceLab's "-d" networks do with 2: nearly all of the
operations of a full-size body are saved and little of its detail is lost. (They have four convolutions side by side
there, one for each pixel of a block; convolutions of one kernel size side by side are one convolution of as many
channels, and that one of theirs has the kernel 1 only leaves a pixel in four with less to see.)

Layers with weights are named by their distance from the smallest features, so that a larger network of one
more halving and doubling finds its like in a smaller one (see `faceloom_train.runs.warm_start`).
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import initializers, layers

from faceloom_train.config.schema import ConvNetwork
from faceloom_train.model.layers import DepthToSpace, Enlarge, RmsNorm, Swish, Template


def build_encoder(config: ConvNetwork) -> keras.Model:
    """RGB 0..1 [n, s, s, 3] -> code [n, c]: a strided stem, halving convolutions, and a normalized dense code."""
    face = keras.Input((config.size, config.size, 3), name="face")
    x = layers.Rescaling(4.0, -2.0)(face)
    x = _active(_conv(x, config.encoder[0], 2 * config.stem_stride, "stem", strides=config.stem_stride))
    for level in range(1, len(config.encoder)):
        x = _active(
            _conv(
                x, config.encoder[level], 3, f"halve_{len(config.encoder) - 1 - level}", strides=2
            )
        )
    code = layers.Dense(config.latent_dim, name="code")(layers.Flatten()(x))
    return keras.Model(face, RmsNorm()(code), name="encoder")


def code_input(config: ConvNetwork) -> Any:
    """Return the place where a code [n, c] comes in."""
    return keras.Input((config.latent_dim,), name="code")


def unfold(code: Any, config: ConvNetwork, doublings: int, share: int = 1, prefix: str = "") -> Any:
    """Make a code the smallest features and double their side: what is called an inter.

    share: the features have 1/`share` of `decoder`'s channels. prefix: of the layers' names.
    """
    side, widths = _side(config, 0), [width // share for width in config.decoder]
    dense = layers.Dense(
        side * side * widths[0], kernel_initializer="he_normal", name=f"{prefix}features"
    )
    x = layers.Reshape((side, side, widths[0]))(_active(dense(code)))
    for level in range(doublings):
        x = _double(
            _residuals(x, config, level, prefix), widths[level + 1], f"{prefix}double_{level + 1}"
        )
    return x


def features_input(config: ConvNetwork, level: int) -> Any:
    """Return the place where the features of a level of `decoder` come in."""
    side = _side(config, level)
    return keras.Input((side, side, config.decoder[level]), name="features")


def draw(features: Any, config: ConvNetwork, level: int) -> list[Any]:
    """Make features of a level the picture, RGB and mask [n, s, s, 4], and how the template moves, [n, k, k, 2].

    Both in float32, the second only if it moves. Doublings with residual blocks between them and a head that writes
    blocks of pixels. The mask is four channels in one with the picture, or has a narrow trunk of doublings of its own.
    """
    x = _residuals(features, config, level)
    for further in range(level + 1, len(config.decoder)):
        x = _residuals(_double(x, config.decoder[further], f"double_{further}"), config, further)
    moved = (
        [_in_float32(_conv(x, 2, 3, "template_moved", initializer=_next_to_nothing()))]
        if config.mean_face_max_shift
        else []
    )
    if config.mask_decoder is None:
        return [_blocks(x, config, 4, "head"), *moved]
    mask = features
    for further, width in enumerate(config.mask_decoder, level + 1):
        mask = _double(mask, width, f"mask_double_{further}")
    heads = [_blocks(x, config, 3, "rgb_head"), _blocks(mask, config, 1, "mask_head")]
    return [layers.Concatenate(dtype="float32")(heads), *moved]


def with_template(drawn: Sequence[Any], config: ConvNetwork) -> Any:
    """Add the identity's mean face to what `draw` returned, moved or not, if the configuration has it."""
    if not config.mean_face:
        return drawn[0]
    return Template(config.mean_face_max_shift, name="template", dtype="float32")(*drawn)


def _side(config: ConvNetwork, level: int) -> int:
    """The features' side at a level of the decoder."""
    return config.size // (config.output_stride * 2 ** (len(config.decoder) - 1 - level))


def _conv(
    x: Any, channels: int, kernel: int, name: str, strides: int = 1, initializer: Any = "he_normal"
) -> Any:
    return layers.Conv2D(
        channels, kernel, strides, padding="same", kernel_initializer=initializer, name=name
    )(x)


def _active(x: Any) -> Any:
    return Swish()(x)


def _double(x: Any, channels: int, name: str) -> Any:
    return DepthToSpace(2)(_active(_conv(x, 4 * channels, 3, name)))


def _residuals(x: Any, config: ConvNetwork, level: int, prefix: str = "") -> Any:
    for number in range(config.residual_blocks[level]):
        name = f"{prefix}residual_{level}_{number}"
        # Begins near the identity, so that depth does not slow the first steps.
        small = initializers.VarianceScaling(0.2)
        y = _active(_conv(x, x.shape[-1], 3, f"{name}_a"))
        x = _active(layers.Add()([x, _conv(y, x.shape[-1], 3, f"{name}_b", initializer=small)]))
    return x


def _blocks(x: Any, config: ConvNetwork, channels: int, name: str) -> Any:
    """A convolution that writes blocks of pixels, coarse ones enlarged, in float32."""
    block = config.output_stride // config.output_scale
    x = _conv(x, channels * block**2, 3, name, initializer=_next_to_nothing())
    x = _in_float32(DepthToSpace(block)(x) if block > 1 else x)
    return Enlarge(config.output_scale, dtype="float32")(x) if config.output_scale > 1 else x


def _next_to_nothing() -> Any:
    """How a head begins. A new one each time: it takes its seed when it is made, which must be the run's."""
    return initializers.VarianceScaling(0.05)


def _in_float32(x: Any) -> Any:
    return layers.Activation("linear", dtype="float32")(x)
