"""Augment crops: one sampling grid and a few vectorized operations for a whole batch."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from keras import ops

from faceloom_train.augmentation.degradation import degrade
from faceloom_train.augmentation.geometry import MARGIN
from faceloom_train.augmentation.occlusion import (
    mean_skin_color,
    overlay_occluder,
    transform_coordinates,
)
from faceloom_train.augmentation.resampling import interpolate_grid, sample_bilinear
from faceloom_train.backend import JitCompile, Tensor, xla_compile

# Target, input and the input's face mask of a batch.
Examples: TypeAlias = tuple[Tensor, Tensor, Tensor]


def make_augmentation(
    size: int, jit_compile: JitCompile
) -> Callable[[dict[str, Tensor]], Examples]:
    """Build a function that returns (target, input, face mask) for a batch.

    The batch holds crops [n, m, m, c], RGB and mask in uint8, and the arrays of
    `sample_augmentation`, each with a leading n. Target [n, s, s, c] is RGB and mask, input
    [n, s, s, 3] is RGB, face mask [n, s, s, 1] is the mask of the input; all are 0 to 1. Target and
    input share `target_transform`, the occluders and `light_jitter`; `input_transform`, `warp`,
    `color_jitter` and the degradation change the input only.

    c is 4 where the mask is the mesh mask. The face mask then covers occluders, as the mesh mask of
    a conversion does. c is 5 where the mask is the visible face; the fifth channel is the mesh
    mask. The face mask then leaves out the occluders with `occluder_hidden`.

    Args:
        size: Side s of the network's crops in pixels.
        jit_compile: Whether XLA compiles the function (see `faceloom_train.backend.xla_compile`).
    """
    # Two programs: in a single one, XLA computes the opacity of a pixel once for each channel.
    crop = xla_compile(partial(_crop, size=size), jit_compile)
    vary = xla_compile(_vary, jit_compile)
    return lambda batch: vary(*crop(batch), batch)


def _crop(batch: dict[str, Tensor], size: int) -> tuple[Tensor, Tensor]:
    """Sample target [n, s, s, c] and input [n, s, s, 4] from the stored crops."""
    x, y = pixel_coordinates(size)
    crops, transform = batch["crops"], batch["target_transform"]
    target = _sample(crops, *transform_coordinates(transform, x, y))
    coordinates = transform_coordinates(transform, *_input_to_target(batch, x, y))
    return target, _sample(crops[..., :4], *coordinates)


def _vary(target: Tensor, source: Tensor, batch: dict[str, Tensor]) -> Examples:
    """Add occluders to both images, and color jitter and degradation to the input."""
    # Channels first: contiguous rows of pixels are faster.
    target, masks = _split_mask(target)
    source, face_mask = _split_mask(source)
    if "occluder_transform" in batch:
        x, y = pixel_coordinates(target.shape[-1])
        skin = mean_skin_color(batch["crops"])
        target, visible = overlay_occluder(target, x, y, batch, skin)
        mask, mesh_mask = masks[:, :1], masks[:, 1:]
        masks = ops.concatenate([mask * visible, mesh_mask], 1)
        source, visible = overlay_occluder(source, *_input_to_target(batch, x, y), batch, skin)
        if mesh_mask.shape[1]:
            hidden = batch["occluder_hidden"][:, None, None, None]
            face_mask = face_mask * (1 - hidden * (1 - visible))
    if "light_jitter" in batch:
        target, source = (_jitter_color(rgb, batch["light_jitter"]) for rgb in (target, source))
    source = _jitter_color(source, batch["color_jitter"])
    if "blur" in batch:
        source = degrade(source, batch["blur"], batch["jpeg_strength"])
    return tuple(
        ops.transpose(x, (0, 2, 3, 1))
        for x in (ops.concatenate([target, masks], 1), source, face_mask)
    )


def _input_to_target(batch: dict[str, Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates in the target of the pixels at x, y of the input."""
    if "warp" in batch:
        warp = _upsample_warp(batch["warp"], x.shape[-1])
        x, y = x + warp[..., 0], y + warp[..., 1]
    return transform_coordinates(batch["input_transform"], x, y)


def _split_mask(images: Tensor) -> tuple[Tensor, Tensor]:
    """[n, s, s, c] -> RGB [n, 3, s, s] and masks [n, c - 3, s, s]."""
    planes = ops.transpose(images, (0, 3, 1, 2))
    return planes[:, :3], planes[:, 3:]


def pixel_coordinates(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixel centers of a crop, in crop sides from its center: x [1, 1, s], y [1, s, 1].

    Args:
        size: Side s of the crop in pixels.
    """
    centers = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    return centers[None, None], centers[None, :, None]


def _upsample_warp(warp: Tensor, size: int) -> Tensor:
    """Interpolate displacements [n, 5, 5, 2] to [n, size, size, 2]."""
    return interpolate_grid(warp, np.linspace(0, warp.shape[1] - 1, size))


def _sample(crops: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Sample uint8 crops [n, m, m, c] at coordinates x, y [n, h, w]; return 0 to 1."""
    side, channels = crops.shape[1], crops.shape[3]
    first = ops.arange(ops.shape(crops)[0])[:, None, None] * (side * side)
    x, y = ((values / MARGIN + 0.5) * side - 0.5 for values in (x, y))
    return sample_bilinear(ops.reshape(crops, (-1, channels)), side, x, y, first) / 255


def _jitter_color(rgb: Tensor, jitter: Tensor) -> Tensor:
    """Apply channel gains (0:3), contrast (3), brightness (4), shading across and down (5, 6)."""
    ramp = np.linspace(-1, 1, rgb.shape[-1], dtype=np.float32)
    jitter = jitter[:, :, None, None]
    shade = 1 + jitter[:, 5:6] * ramp + jitter[:, 6:7] * ramp[:, None]
    contrasted = (rgb - 0.4) * jitter[:, 3:4] + 0.4
    return ops.clip(contrasted * jitter[:, :3] * shade + jitter[:, 4:5], 0, 1)


def center_crops(crops: np.ndarray, size: int) -> np.ndarray:
    """Return the network's crops without augmentation: [n, s, s, c], 0 to 1.

    Args:
        crops: Stored crops [n, m, m, c], uint8.
        size: Side s of the network's crops in pixels.
    """
    coordinates = (
        np.broadcast_to(values, (len(crops), size, size)) for values in pixel_coordinates(size)
    )
    return ops.convert_to_numpy(
        _sample(ops.convert_to_tensor(crops), *map(ops.convert_to_tensor, coordinates))
    )
