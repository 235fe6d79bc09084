"""Building blocks of `df` and `liae`, with the costly layers at a fraction of the crop's side.

The decoder works at 1/`output_stride` of the crop's side, and its last convolution writes blocks of
`output_stride` x `output_stride` pixels, as DeepFaceLab's "-d" networks do with 2. This saves
nearly all operations of a full-size decoder and loses little of its detail. (DeepFaceLab has four
convolutions side by side, one for each pixel of a block. Convolutions of the same kernel size side
by side are one convolution with as many channels; one of theirs has kernel size 1, which only gives
a quarter of the pixels less context.)

Layers with weights are named by their distance from the smallest features, so that a larger network
with one more halving and doubling has layers of the same names as a smaller one (see
`faceloom_train.runs.warm_start`).
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
from keras import initializers, layers, ops

from faceloom_train.config.schema import ConvNetwork
from faceloom_train.model.layers import BilinearUpsample, DepthToSpace, MeanFace, Swish

# Added to the mean square of the latent in its normalization.
_RMS_EPSILON = 1e-6
# Variance scale of the second convolution of a residual block: the block starts near the identity,
# so that depth does not slow the first steps.
_RESIDUAL_SCALE = 0.2
# Variance scale of the output convolutions, which start near zero.
_OUTPUT_SCALE = 0.05

# Changes the output of a convolution, given its name.
Style: TypeAlias = Callable[[Any, str], Any]


def _unstyled(x: Any, _: str) -> Any:
    return x


def build_encoder(config: ConvNetwork) -> keras.Model:
    """Build the encoder: a strided stem, halving convolutions and a normalized dense latent.

    The latent is divided by its root mean square, so that only its direction matters; Keras
    computes this in float32, because squares overflow in half precision.

    Args:
        config: The network.

    Returns:
        RGB [n, s, s, 3], 0 to 1 -> latent [n, latent_dim].
    """
    face = keras.Input((config.size, config.size, 3), name="face")
    x = layers.Rescaling(4.0, -2.0)(face)
    if config.input_scale > 1:
        x = layers.AveragePooling2D(config.input_scale)(x)
    stride = config.stem_stride
    x = _activation(_conv(x, config.encoder[0], 2 * stride, "stem", strides=stride))
    for level in range(1, len(config.encoder)):
        name = f"halve_{len(config.encoder) - 1 - level}"
        x = _activation(_conv(x, config.encoder[level], 3, name, strides=2))
    latent = layers.Dense(config.latent_dim, name="latent")(layers.Flatten()(x))
    normalized = ops.rms_normalization(latent, axis=-1, epsilon=_RMS_EPSILON)
    return keras.Model(face, normalized, name="encoder")


def latent_input(config: ConvNetwork) -> Any:
    """Return the input of a decoder or an inter: a latent [n, latent_dim].

    Args:
        config: The network.
    """
    return keras.Input((config.latent_dim,), name="latent")


def apply_inter(
    latent: Any, config: ConvNetwork, doublings: int, divisor: int = 1, prefix: str = ""
) -> Any:
    """Apply the layers of an inter: from a latent to the smallest features, then doublings.

    Args:
        latent: [n, latent_dim].
        config: The network.
        doublings: How often the features' side is doubled.
        divisor: The features have 1/`divisor` of the decoder's channels.
        prefix: Prefix of the layers' names.
    """
    side, widths = _side(config, 0), [width // divisor for width in config.decoder]
    dense = layers.Dense(
        side * side * widths[0], kernel_initializer="he_normal", name=f"{prefix}features"
    )
    x = layers.Reshape((side, side, widths[0]))(_activation(dense(latent)))
    for level in range(doublings):
        x = _residuals(x, config, level, prefix)
        x = _double(x, widths[level + 1], f"{prefix}double_{level + 1}")
    return x


def features_input(config: ConvNetwork, level: int) -> Any:
    """Return the input of a decoder that starts at a level.

    Args:
        config: The network.
        level: Index into `decoder`.
    """
    side = _side(config, level)
    return keras.Input((side, side, config.decoder[level]), name="features")


def apply_decoder(
    features: Any,
    config: ConvNetwork,
    level: int,
    style: Style = _unstyled,
    latent: Any = None,
) -> list[Any]:
    """Apply the layers of a decoder: doublings with residual blocks, then output convolutions.

    The mask is the fourth output channel, or has narrow doublings of its own (`mask_decoder`).

    Args:
        features: Features of a level.
        config: The network.
        level: Index into `decoder`.
        style: Applied to the output of each convolution, before its activation.
        latent: What the maps of the mean face also depend on linearly, [n, latent_dim]; None: they
            depend on the features alone.

    Returns:
        RGB and mask [n, s, s, 4] and, if the mean face may shift, its displacements [n, k, k, 2]
        before the tanh and, if it has light, [n, g, g, 3] before `light_gains`; all float32.
    """
    x = _residuals(features, config, level, style=style)
    for deeper in range(level + 1, len(config.decoder)):
        x = _double(x, config.decoder[deeper], f"double_{deeper}", style)
        x = _residuals(x, config, deeper, style=style)
    maps = _mean_face_maps(x, latent, config, style)
    if config.mask_decoder is None:
        return [_output_blocks(x, config, 4, "head", style), *maps]
    mask = features
    for deeper, width in enumerate(config.mask_decoder, level + 1):
        mask = _double(mask, width, f"mask_double_{deeper}", style)
    outputs = [
        _output_blocks(x, config, 3, "rgb_head", style),
        _output_blocks(mask, config, 1, "mask_head", style),
    ]
    return [layers.Concatenate(dtype="float32")(outputs), *maps]


def build_linear_maps(config: ConvNetwork) -> keras.Model:
    """Build what is linear in a decoder: the mean face's displacements and light.

    Args:
        config: A network whose mean face shifts and has light.

    Returns:
        Latent [n, latent_dim] -> displacements [n, k, k, 2] before the tanh and light [n, g, g, 3]
        before `light_gains`. The layers are named as those of a decoder.
    """
    latent, side = latent_input(config), _side(config, len(config.decoder) - 1)
    outputs = [
        _linear_map(latent, scale * side, channels, f"{name}_linear")
        for name, (channels, scale) in _mean_face_grids(config).items()
    ]
    return keras.Model(latent, outputs, name="decoder")


def add_mean_face(outputs: Sequence[Any], config: ConvNetwork) -> Any:
    """Add the identity's mean face to a decoder's output, if the network has one.

    Args:
        outputs: What `apply_decoder` returned.
        config: The network.
    """
    if not config.mean_face:
        return outputs[0]
    return MeanFace(config.mean_face_max_shift, name="mean_face", dtype="float32")(*outputs)


def _mean_face_maps(x: Any, latent: Any, config: ConvNetwork, style: Style) -> list[Any]:
    """What moves and lights the mean face."""
    maps = []
    for name, (channels, scale) in _mean_face_grids(config).items():
        values = _conv_blocks(x, channels, scale, name, style)
        if latent is not None:
            linear = _linear_map(latent, values.shape[1], channels, f"{name}_linear")
            values = layers.Add(dtype="float32")([values, linear])
        maps.append(values)
    return maps


def _mean_face_grids(config: ConvNetwork) -> dict[str, tuple[int, int]]:
    """Channels of each map's grid, and how many times finer than the features it is."""
    maps: dict[str, tuple[int, int]] = {}
    if config.mean_face_max_shift:
        maps["mean_face_shift"] = (2, config.mean_face_shift_scale)
    if config.mean_face_light:
        maps["mean_face_light"] = (3, 1)
    return maps


def _linear_map(latent: Any, side: int, channels: int, name: str) -> Any:
    """A map [n, side, side, channels] that is linear in the latent and 0 at first."""
    coarse = side // 2
    dense = layers.Dense(
        coarse * coarse * channels, kernel_initializer="zeros", name=name, dtype="float32"
    )
    cells = layers.Reshape((coarse, coarse, channels))(dense(latent))
    # Export to int8 keeps layers with "mean_face" in their name in float32.
    return BilinearUpsample(side // coarse, dtype="float32", name=f"{name}_upsample")(cells)


def _side(config: ConvNetwork, level: int) -> int:
    """The features' side at a level of the decoder."""
    return config.size // (config.output_stride * 2 ** (len(config.decoder) - 1 - level))


def _conv(
    x: Any,
    channels: int,
    kernel: int,
    name: str,
    *,
    style: Style = _unstyled,
    strides: int = 1,
    initializer: Any = "he_normal",
) -> Any:
    conv = layers.Conv2D(
        channels, kernel, strides, padding="same", kernel_initializer=initializer, name=name
    )
    return style(conv(x), name)


def _activation(x: Any) -> Any:
    return Swish()(x)


def _double(x: Any, channels: int, name: str, style: Style = _unstyled) -> Any:
    return DepthToSpace(2)(_activation(_conv(x, 4 * channels, 3, name, style=style)))


def _residuals(
    x: Any, config: ConvNetwork, level: int, prefix: str = "", style: Style = _unstyled
) -> Any:
    for index in range(config.residual_blocks[level]):
        name = f"{prefix}residual_{level}_{index}"
        small = initializers.VarianceScaling(_RESIDUAL_SCALE)
        y = _activation(_conv(x, x.shape[-1], 3, f"{name}_a", style=style))
        y = _conv(y, x.shape[-1], 3, f"{name}_b", style=style, initializer=small)
        x = _activation(layers.Add()([x, y]))
    return x


def _output_blocks(x: Any, config: ConvNetwork, channels: int, name: str, style: Style) -> Any:
    """A convolution that writes blocks of pixels, enlarged by `output_scale`, in float32."""
    x = _conv_blocks(x, channels, config.output_stride // config.output_scale, name, style)
    if config.output_scale == 1:
        return x
    return BilinearUpsample(config.output_scale, dtype="float32")(x)


def _conv_blocks(x: Any, channels: int, block: int, name: str, style: Style) -> Any:
    """A convolution that writes blocks of positions, in float32 and near 0 at first."""
    x = _conv(x, channels * block**2, 3, name, style=style, initializer=_near_zero())
    return _to_float32(DepthToSpace(block, name=f"{name}_blocks")(x) if block > 1 else x)


def _near_zero() -> Any:
    """A new initializer each time: it takes its seed from the run's seed when it is created."""
    return initializers.VarianceScaling(_OUTPUT_SCALE)


def _to_float32(x: Any) -> Any:
    return layers.Activation("linear", dtype="float32")(x)
