"""Vary crops: one sampled grid and a few vectorised operations for a whole batch, on the accelerator."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from keras import ops

from faceloom_train.augmentation.degradation import spoil
from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.augmentation.occlusion import apply_affine, cover, skin_of
from faceloom_train.augmentation.resampling import read_linearly, spread_linearly
from faceloom_train.backend import JitCompile, Tensor, fused

Examples: TypeAlias = tuple[Tensor, Tensor, Tensor]


def make_augmentation(
    size: int, jit_compile: JitCompile
) -> Callable[[dict[str, Tensor]], Examples]:
    """Return what makes of a batch: what to draw, what to see, and the face's outline in that.

    They are [n, s, s, 4], RGB and mask, [n, s, s, 3] and [n, s, s, 1], all 0..1. The batch holds crops [n, m, m, 4]
    and the parameters of `faceloom_train.augmentation.parameters.sample_augmentation`, each with a leading n. Both pictures share
    `target_map` and the occluders; only the second has `input_map`, `warp`, `light` and poor footage. The outline
    goes over occluders as well: that of a conversion, the mesh's, does not know of them.
    """
    # Two programs: made one, XLA would work out what covers a pixel again for each of its channels.
    cut, vary = fused(partial(_cut, size=size), jit_compile), fused(_vary, jit_compile)
    return lambda batch: vary(*cut(batch), batch)


def _cut(batch: dict[str, Tensor], size: int) -> tuple[Tensor, Tensor]:
    """Cut out of the crops what is wanted and what is seen, [n, s, s, 4] each."""
    x, y = pixel_places(size)
    wanted = _sample(batch["crops"], *apply_affine(batch["target_map"], x, y))
    return wanted, _sample(batch["crops"], *apply_affine(batch["target_map"], *_moved(batch, x, y)))


def _vary(wanted: Tensor, seen: Tensor, batch: dict[str, Tensor]) -> Examples:
    # Channels first: rows of pixels are what processors are fast with.
    wanted, mask = _rgb_and_mask(wanted)
    seen, outline = _rgb_and_mask(seen)
    if "occluder_map" in batch:
        x, y = pixel_places(wanted.shape[-1])
        skin = skin_of(batch["crops"])
        wanted, clear = cover(wanted, x, y, batch, skin)
        mask = mask * clear
        seen, _ = cover(seen, *_moved(batch, x, y), batch, skin)
    seen = _relight(seen, batch["light"])
    if "blur" in batch:
        seen = spoil(seen, batch["blur"], batch["compression"])
    return tuple(
        ops.transpose(x, (0, 2, 3, 1)) for x in (ops.concatenate([wanted, mask], 1), seen, outline)
    )


def _moved(batch: dict[str, Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where in the wanted picture the places x, y of the seen one are."""
    if "warp" in batch:
        warp = _smooth_warp(batch["warp"], x.shape[-1])
        x, y = x + warp[..., 0], y + warp[..., 1]
    return apply_affine(batch["input_map"], x, y)


def _rgb_and_mask(pictures: Tensor) -> tuple[Tensor, Tensor]:
    planes = ops.transpose(pictures, (0, 3, 1, 2))
    return planes[:, :3], planes[:, 3:]


def pixel_places(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x [1, 1, size] and y [1, size, 1] of pixels in crop sides from the crop's middle."""
    along = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    return along[None, None], along[None, :, None]


def _smooth_warp(warp: Tensor, size: int) -> Tensor:
    """Spread displacements [n, 5, 5, 2] linearly over [n, size, size, 2]."""
    return spread_linearly(warp, np.linspace(0, warp.shape[1] - 1, size))


def _sample(crops: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Read uint8 crops [n, m, m, c] at places x, y [n, h, w], linearly; return 0..1."""
    side, channels = crops.shape[1], crops.shape[3]
    first = ops.arange(ops.shape(crops)[0])[:, None, None] * (side * side)
    x, y = ((along / MARGIN + 0.5) * side - 0.5 for along in (x, y))
    return read_linearly(ops.reshape(crops, (-1, channels)), side, x, y, first) / 255


def _relight(rgb: Tensor, light: Tensor) -> Tensor:
    """Change gain of each channel (0:3), contrast (3), brightness (4) and shading across and down (5, 6)."""
    ramp = np.linspace(-1, 1, rgb.shape[-1], dtype=np.float32)
    light = light[:, :, None, None]
    shade = 1 + light[:, 5:6] * ramp + light[:, 6:7] * ramp[:, None]
    contrasted = (rgb - 0.4) * light[:, 3:4] + 0.4
    return ops.clip(contrasted * light[:, :3] * shade + light[:, 4:5], 0, 1)


def middle_of(crops: np.ndarray, size: int) -> np.ndarray:
    """Return uint8 crops [n, m, m, c] as the network sees them unvaried: [n, size, size, c], 0..1."""
    places = (np.broadcast_to(along, (len(crops), size, size)) for along in pixel_places(size))
    return ops.convert_to_numpy(
        _sample(ops.convert_to_tensor(crops), *map(ops.convert_to_tensor, places))
    )
