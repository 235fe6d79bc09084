"""Vary crops: one sampled grid and a few vectorised operations for a whole batch, on the accelerator."""

from typing import Any, TypeAlias

import numpy as np
from keras import ops

from faceloom_train.data import MARGIN

# A tensor of whichever backend runs.
Tensor: TypeAlias = Any


def targets_and_inputs(batch: dict[str, Tensor], size: int) -> tuple[Tensor, Tensor]:
    """Return what to draw and what to see: two tensors [n, size, size, 4], RGB and mask, 0..1.

    `batch` holds crops [n, m, m, 4] and the parameters of `faceloom_train.data.sample_augmentation`,
    each with a leading n. Both share `target_map`; only the second has `input_map`, `warp` and `light`.
    """
    place = _pixel_places(size)
    target_xy = _apply(batch["target_map"], place)
    moved = _apply(batch["input_map"], place + _smooth_warp(batch["warp"], size))
    input_xy = _apply(batch["target_map"], moved)
    seen = _sample(batch["crops"], input_xy)
    lit = _relight(seen[..., :3], batch["light"])
    return _sample(batch["crops"], target_xy), ops.concatenate([lit, seen[..., 3:]], -1)


def _pixel_places(size: int) -> np.ndarray:
    """x, y of every pixel [1, size, size, 2] in crop sides from the crop's middle."""
    along = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    return np.stack(np.meshgrid(along, along), -1)[None]


def _apply(affine: Tensor, xy: Tensor) -> Tensor:
    """Map places [n or 1, h, w, 2] by affine maps [n, 2, 3]."""
    a = affine[:, None, None]
    return a[..., 0] * xy[..., :1] + a[..., 1] * xy[..., 1:] + a[..., 2]


def _smooth_warp(warp: Tensor, size: int) -> Tensor:
    """Spread displacements [n, 5, 5, 2] linearly over [n, size, size, 2]."""
    knots = warp.shape[1]
    position = np.linspace(0, knots - 1, size, dtype=np.float32)
    weights = np.clip(1 - np.abs(position[:, None] - np.arange(knots, dtype=np.float32)), 0, 1)
    rows = ops.einsum("yi,nijc->nyjc", weights, warp)
    return ops.einsum("xj,nyjc->nyxc", weights, rows)


def _sample(crops: Tensor, xy: Tensor) -> Tensor:
    """Read uint8 crops [n, m, m, c] at places xy, linearly; return 0..1."""
    side, channels = crops.shape[1], crops.shape[3]
    pixel = ops.clip((xy / MARGIN + 0.5) * side - 0.5, 0, side - 1.001)
    corner = ops.floor(pixel)
    part = pixel - corner
    corner = ops.cast(corner, "int32")
    first = ops.arange(ops.shape(crops)[0])[:, None, None] * (side * side)
    index = first + corner[..., 1] * side + corner[..., 0]
    pixels = ops.reshape(crops, (-1, channels))

    def at(offset: int) -> Tensor:
        return ops.cast(ops.take(pixels, index + offset, axis=0), "float32")

    x, y = part[..., :1], part[..., 1:]
    upper = at(0) * (1 - x) + at(1) * x
    lower = at(side) * (1 - x) + at(side + 1) * x
    return (upper * (1 - y) + lower * y) / 255


def _relight(rgb: Tensor, light: Tensor) -> Tensor:
    """Change gain of each channel (0:3), contrast (3), brightness (4) and shading across and down (5, 6)."""
    size = rgb.shape[1]
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    light = light[:, None, None]
    shade = 1 + light[..., 5:6] * ramp[None, None, :, None] + light[..., 6:7] * ramp[None, :, None, None]
    contrasted = (rgb - 0.4) * light[..., 3:4] + 0.4
    return ops.clip(contrasted * light[..., :3] * shade + light[..., 4:5], 0, 1)


def middle_of(crops: np.ndarray, size: int) -> np.ndarray:
    """Return uint8 crops [n, m, m, c] as the network sees them unvaried: [n, size, size, c], 0..1."""
    places = np.broadcast_to(_pixel_places(size), (len(crops), size, size, 2))
    return ops.convert_to_numpy(_sample(ops.convert_to_tensor(crops), ops.convert_to_tensor(places)))
