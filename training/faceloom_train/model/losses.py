"""How far a drawn face is from the one it should be. Every part is per pixel of the face, not of the picture."""

from typing import Any

import numpy as np
from keras import ops

from faceloom.array_types import float32
from faceloom.faces.alignment import CropGeometry
from faceloom_train.config.schema import LossConfig

# Where the template of an aligned crop has eyes and mouth: center x, y and spread x, y in shares of coverage 1.
_FEATURES = ((0.371, 0.39, 0.06, 0.04), (0.6195, 0.39, 0.06, 0.04), (0.495, 0.675, 0.075, 0.06))

# `dssim` looks at every so-manyth pixel.
_DSSIM_STEP = 2


def pixel_weights(mask: Any, crop: CropGeometry, loss: LossConfig) -> Any:
    """Weights [n, s, s, 1] that sum to 1 over each face: 1 in the face, more on eyes and mouth."""
    weights = mask * feature_map(crop, loss.eyes_mouth_weight) + loss.background_weight * (1 - mask)
    return weights / (ops.sum(weights, axis=(1, 2, 3), keepdims=True) + 1)


def feature_map(crop: CropGeometry, extra: float) -> np.ndarray:
    """Return 1 + `extra` at the eyes and the mouth of an aligned crop, falling to 1: [1, s, s, 1]."""
    place = ((np.arange(crop.size, dtype=np.float32) + 0.5) / crop.size - 0.5) * crop.coverage + 0.5
    x, y = np.meshgrid(place, place)
    bumps = [
        np.exp(-(((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2) / 2) for cx, cy, sx, sy in _FEATURES
    ]
    return float32(1 + extra * np.sum(bumps, axis=0))[None, ..., None]


def absolute_error(drawn: Any, wanted: Any) -> Any:
    """Mean over channels of |drawn - wanted|: [n, s, s, 1]."""
    return ops.mean(ops.abs(drawn - wanted), axis=-1, keepdims=True)


def gradient_error(drawn: Any, wanted: Any) -> Any:
    """Mean over channels of the error in the steps to the next pixel right and below: [n, s, s, 1]."""
    error = drawn - wanted
    # Rolled and not cut: the way back through a cut takes five times as long.
    steps = ops.abs(ops.roll(error, -1, 1) - error) + ops.abs(ops.roll(error, -1, 2) - error)
    return ops.mean(steps, axis=-1, keepdims=True) * _inside(error.shape, 0)


def dssim(drawn: Any, wanted: Any, window: float = 1 / 16) -> Any:
    """(1 - SSIM) / 2 of the surroundings of every second pixel: [n, s/2, s/2, 1], 0 for equal pictures.

    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity",
    IEEE TIP 13(4), 2004, with a box whose side is `window` of the picture's. Neighboring boxes are
    so alike that three of four are left out: they were a sixth of a step.
    """
    box = max(3, round(drawn.shape[1] * window) | 1)
    stacked = ops.concatenate([drawn, wanted, drawn * drawn + wanted * wanted, drawn * wanted], -1)
    means = ops.average_pool(stacked, box, _DSSIM_STEP, padding="same")
    mean_a, mean_b, squares, product = ops.split(means, 4, axis=-1)
    means, mean_squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    similarity = ((2 * means + 1e-4) * (2 * (product - means) + 9e-4)) / (
        (mean_squares + 1e-4) * (squares - mean_squares + 9e-4)
    )
    return ops.mean((1 - similarity) / 2, axis=-1, keepdims=True)


def dssim_scales(loss: LossConfig, size: int) -> int:
    """Return at how many scales pictures of a side are compared: what is asked, or by "auto" more for larger ones."""
    if loss.dssim_scales != "auto":
        return loss.dssim_scales
    return 1 + (size >= 192) + (size >= 384)


def mean_dssim(weights: Any, drawn: Any, wanted: Any, scales: int) -> Any:
    """Mean over faces and scales of `dssim`, at weights [n, s, s, 1] that sum to 1; each scale counts alike.

    Each scale has the pictures at half the side of the one before and a box of the same pixels. The boxes lie
    about a sixteenth of the picture: one scale 1/16, two 1/23 and 1/11, three 1/32, 1/16 and 1/8.
    """
    means = []
    for scale in range(scales):
        if scale:
            drawn, wanted = ops.average_pool(drawn, 2, 2), ops.average_pool(wanted, 2, 2)
        means.append(
            mean_over_faces(weights, dssim(drawn, wanted, 2 ** (scale - (scales - 1) / 2) / 16))
        )
    return sum(means) / scales


def detail_error(drawn: Any, wanted: Any) -> Any:
    """How far the amount of fine detail is off around every fourth pixel: [n, s/4, s/4, 1].

    It is the root mean square of the Laplacian in a box of 8 pixels. Where a lash or a tooth cannot be known to the
    pixel, any loss of differences is least for none at all; this one is least for as much as there should be.
    """
    return ops.abs(_detail(drawn) - _detail(wanted))


def _detail(rgb: Any) -> Any:
    light = ops.mean(rgb, axis=-1, keepdims=True)
    around = sum(ops.roll(light, step, axis) for step in (1, -1) for axis in (1, 2))
    curved = (around - 4 * light) * _inside(rgb.shape, 1)
    # The root of nothing at all has no slope.
    return ops.sqrt(ops.average_pool(ops.square(curved), 8, 4, padding="same") + 1e-5)


def _inside(shape: tuple[int, ...], before: int) -> np.ndarray:
    """1, and 0 on the last rows and columns, and on `before` first ones: what is rolled comes round the edge there."""
    inside = np.zeros((1, *shape[1:3], 1), np.float32)
    inside[:, before:-1, before:-1] = 1
    return inside


def mean_over_faces(weights: Any, error: Any) -> Any:
    """Mean over faces of the error [n, h, w, 1] at weights [n, s, s, 1] that sum to 1; h and w: s or a part of it."""
    step = weights.shape[1] // error.shape[1]
    if step > 1:
        # Keras 3.15 on JAX fails without the second step.
        weights = ops.average_pool(weights, step, step) * step**2
    return ops.mean(ops.sum(weights * error, axis=(1, 2, 3)))
