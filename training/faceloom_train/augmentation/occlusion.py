"""Hands, microphones and whatever else comes before a face, drawn over a whole batch at once.

They are in the picture that is wanted as well as in the one that is seen, and not in the wanted mask: what
a network draws is then left out of the swap where they are, and they stay in front.
"""

from keras import ops

from faceloom_train.backend import Tensor

# Fingers across the width, and how much darker it is between them.
_FINGERS, _BETWEEN = 4, 0.25


def cover(
    rgb: Tensor, x: Tensor, y: Tensor, batch: dict[str, Tensor], skin: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw a batch's occluders over pictures [n, 3, h, w] whose pixels are at the places x, y, which fill [n, h, w].

    `occluder_map` [n, 2, 3] leads from places to an occluder's own, in which it reaches from -1 to 1.
    `occluder_look` [n, 10] holds red, green, blue; skin (above 0: `skin` [n, 3] in that brightness instead);
    shading along and across; roundness (0: rectangle, 2: ellipse); depth of fingers (0 or less: none); 1 or 0 for
    whether it is there; half its width in four widths of its edge.
    Returns the pictures, and how much of each pixel nothing covers [n, 1, h, w].
    """
    look = batch["occluder_look"][:, :, None, None]
    along, across = apply_affine(batch["occluder_map"], x, y)
    gap = _finger_gaps(along, across) * ops.maximum(look[:, 7], 0)
    opaque = _opacity(along * (1 + gap), across, look)[:, None]
    shade = (
        1
        + look[:, 4] * ops.clip(along, -1, 1)
        + look[:, 5] * ops.clip(across, -1, 1)
        - _BETWEEN * ops.minimum(gap, 1)
    )
    color = ops.clip(_color(look, skin) * shade[:, None], 0, 1)
    return rgb + opaque * (color - rgb), 1 - opaque


def apply_affine(affine: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Map places x, y, which fill [n or 1, h, w] together, by affine maps [n, 2, 3]."""
    a = affine[:, :, :, None, None]
    return a[:, 0, 0] * x + a[:, 0, 1] * y + a[:, 0, 2], a[:, 1, 0] * x + a[:, 1, 1] * y + a[
        :, 1, 2
    ]


def skin_of(crops: Tensor) -> Tensor:
    """The mean color inside the mask of uint8 crops [n, m, m, 4]: [n, 3], 0..1."""
    some = ops.cast(crops[:, ::8, ::8], "float32") / 255
    inside = some[..., 3:]
    return ops.sum(some[..., :3] * inside, axis=(1, 2)) / (ops.sum(inside, axis=(1, 2)) + 1e-3)


def _finger_gaps(along: Tensor, across: Tensor) -> Tensor:
    """1 between two fingers and 0 on one, less and less toward the palm's middle."""
    turn = across * (_FINGERS / 2)
    return ops.clip(along, 0, 1) * ops.square(2 * (turn - ops.floor(turn)) - 1)


def _opacity(along: Tensor, across: Tensor, look: Tensor) -> Tensor:
    """0 to 1: inside a superellipse, u^4 + v^4 + roundness u^2 v^2 < 1, whose rise at the edge is 4."""
    far, wide = ops.square(along), ops.square(across)
    inside = 1 - (far * far + wide * wide + look[:, 6] * far * wide)
    return look[:, 8] * ops.clip(inside * look[:, 9] + 0.5, 0, 1)


def _color(look: Tensor, skin: Tensor) -> Tensor:
    bright = look[:, 3:4]
    return ops.where(bright > 0, skin[:, :, None, None] * (0.5 + 0.7 * bright), look[:, :3])
