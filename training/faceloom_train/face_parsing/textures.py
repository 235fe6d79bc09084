"""Random textures: backgrounds, things before a face, and cloth that the crowd does not show."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import float32

# Coarsest and finest cells of the noise, as cells per side.
_CELLS = (2, 3, 5, 9, 17, 33)
# Most bars of a window frame or of a shelf.
_MAX_BARS = 6

Image = Float32[np.ndarray, "_ _ 3"]


def random_texture(rng: np.random.Generator, side: int, pictures: Sequence[Image]) -> Image:
    """Return a texture: noise, a plain color, bars, or a part of another picture.

    Args:
        rng: Source of randomness.
        side: Side in pixels.
        pictures: Pictures that parts are taken from; at least one.

    Returns:
        RGB, 0 to 1.
    """
    kind = rng.choice(["noise", "plain", "bars", "picture"], p=[0.35, 0.2, 0.2, 0.25])
    if kind == "picture":
        return _picture_part(rng, side, pictures[int(rng.integers(len(pictures)))])
    texture = np.broadcast_to(float32(rng.uniform(0, 1, 3)), (side, side, 3)).copy()
    if kind == "noise":
        texture += _noise(rng, side)
    if kind == "bars":
        _draw_bars(rng, texture)
    return np.clip(texture, 0, 1)


def smooth_field(rng: np.random.Generator, side: int, cells: int, channels: int) -> Image:
    """Return smooth random values around 0 with a standard deviation of 1.

    Args:
        rng: Source of randomness.
        side: Side in pixels.
        cells: Random values along a side; between them it is interpolated.
        channels: Independent channels.

    Returns:
        [side, side, channels].
    """
    values = float32(rng.normal(0, 1, (cells, cells, channels)))
    field = cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC)
    return float32(field.reshape(side, side, channels))


def _noise(rng: np.random.Generator, side: int) -> Image:
    amount = rng.uniform(0.03, 0.25)
    channels = int(rng.choice([1, 3]))
    return float32(
        amount * sum(smooth_field(rng, side, cells, channels) for cells in rng.choice(_CELLS, 3))
    )


def _draw_bars(rng: np.random.Generator, texture: Image) -> None:
    """Draw straight bars of one color, as of window frames, doors and shelves, in place."""
    side = len(texture)
    color = rng.uniform(0, 1.2, 3).tolist()
    angle = rng.normal(0, 0.2) + rng.choice([0, np.pi / 2])
    along = side * np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    for _ in range(rng.integers(1, _MAX_BARS)):
        middle = side / 2 + across * rng.uniform(-0.5, 0.5)
        ends = [tuple(np.rint(middle + sign * 2 * along).astype(int).tolist()) for sign in (-1, 1)]
        cv2.line(texture, ends[0], ends[1], color, int(rng.integers(1, 14)), cv2.LINE_AA)


def _picture_part(rng: np.random.Generator, side: int, picture: Image) -> Image:
    """Return a turned, recolored part of a picture, too small or too large to show a face."""
    angle, scale = rng.uniform(0, 360), rng.choice([0.4, 2.5]) * rng.uniform(0.8, 1.25)
    center = rng.uniform(0.2, 0.8, 2) * picture.shape[1::-1]
    pivot = (float(center[0]), float(center[1]))
    affine = np.array(cv2.getRotationMatrix2D(pivot, angle, scale), np.float64)
    affine[:, 2] += side / 2 - center
    part = cv2.warpAffine(picture, affine, (side, side), borderMode=cv2.BORDER_REFLECT)
    return np.clip(part[..., rng.permutation(3)] * float32(rng.uniform(0.4, 1.6, 3)), 0, 1)
