"""Overlay hand-like and other occluders on faces, for a whole batch at once.

Input and target show the occluder and the target's mask leaves it out. The network learns to mask
occluders, so that a swap leaves them in front of the face. Where faces are masked by their regions,
half of the occluders are hidden from the input (see `pipeline`).
"""

from keras import ops

from faceloom_train.backend import Tensor

# Fingers across the width of a hand.
_FINGERS = 4
# How much darker the gaps between fingers are, as a fraction of the brightness.
_GAP_SHADE = 0.25


def overlay_occluder(
    rgb: Tensor, x: Tensor, y: Tensor, batch: dict[str, Tensor], skin: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw a batch's occluders over images.

    Args:
        rgb: Images [n, 3, h, w], 0 to 1.
        x: Horizontal coordinates of the pixels, broadcastable to [n, h, w], in crop sides from the
            crop's center.
        y: Vertical coordinates, likewise.
        batch: `occluder_transform` [n, 2, 3] maps coordinates to the occluder's own, in which it
            extends from -1 to 1. `occluder_params` [n, 10] holds red, green, blue; skin brightness
            (above 0: the color is `skin`); shading along and across; roundness (0: rectangle,
            2: ellipse); depth of fingers (0 or less: none); 1 or 0 for visible or not; half the
            width divided by 4 edge widths.
        skin: Mean skin color of each face [n, 3], 0 to 1.

    Returns:
        The images, and the visible fraction of each face pixel [n, 1, h, w].
    """
    params = batch["occluder_params"][:, :, None, None]
    along, across = transform_coordinates(batch["occluder_transform"], x, y)
    gap = _finger_gaps(along, across) * ops.maximum(params[:, 7], 0)
    opacity = _opacity(along * (1 + gap), across, params)[:, None]
    shade = (
        1
        + params[:, 4] * ops.clip(along, -1, 1)
        + params[:, 5] * ops.clip(across, -1, 1)
        - _GAP_SHADE * ops.minimum(gap, 1)
    )
    color = ops.clip(_color(params, skin) * shade[:, None], 0, 1)
    return rgb + opacity * (color - rgb), 1 - opacity


def transform_coordinates(affine: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Apply affine transforms to coordinates.

    Args:
        affine: Transforms [n, 2, 3].
        x: Horizontal coordinates, broadcastable to [n, h, w].
        y: Vertical coordinates, likewise.
    """
    a = affine[:, :, :, None, None]
    return a[:, 0, 0] * x + a[:, 0, 1] * y + a[:, 0, 2], a[:, 1, 0] * x + a[:, 1, 1] * y + a[
        :, 1, 2
    ]


def mean_skin_color(crops: Tensor) -> Tensor:
    """Return the mean color inside the mask, 0 to 1: [n, 3].

    Args:
        crops: RGB and mask [n, m, m, c], uint8; c is 4 or more.
    """
    samples = ops.cast(crops[:, ::8, ::8], "float32") / 255
    mask = samples[..., 3:4]
    return ops.sum(samples[..., :3] * mask, axis=(1, 2)) / (ops.sum(mask, axis=(1, 2)) + 1e-3)


def _finger_gaps(along: Tensor, across: Tensor) -> Tensor:
    """1 between two fingers, 0 on a finger, decreasing toward the palm's center."""
    phase = across * (_FINGERS / 2)
    return ops.clip(along, 0, 1) * ops.square(2 * (phase - ops.floor(phase)) - 1)


def _opacity(along: Tensor, across: Tensor, params: Tensor) -> Tensor:
    """0 to 1: inside the superellipse u^4 + v^4 + roundness u^2 v^2 < 1, whose edge slope is 4."""
    u2, v2 = ops.square(along), ops.square(across)
    inside = 1 - (u2 * u2 + v2 * v2 + params[:, 6] * u2 * v2)
    return params[:, 8] * ops.clip(inside * params[:, 9] + 0.5, 0, 1)


def _color(params: Tensor, skin: Tensor) -> Tensor:
    brightness = params[:, 3:4]
    return ops.where(
        brightness > 0, skin[:, :, None, None] * (0.5 + 0.7 * brightness), params[:, :3]
    )
