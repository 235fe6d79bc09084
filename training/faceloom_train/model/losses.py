"""Terms of the loss. Errors are averaged over the pixels of the face, not of the crop."""

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float32
from keras import ops

from faceloom.array_types import float32
from faceloom.faces.alignment import CropGeometry
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, MESH_POINTS
from faceloom_train.augmentation.resampling import sample_bilinear
from faceloom_train.config.schema import LossConfig
from faceloom_train.data.dataset import HIDDEN_RIM, LANDMARK_UNIT

# Left eye, right eye and mouth of an aligned face: center x, y and standard deviation x, y, as
# fractions of the side of a crop of coverage 1.
_EYES = ((0.371, 0.39, 0.06, 0.04), (0.6195, 0.39, 0.06, 0.04))
_MOUTH = (0.495, 0.675, 0.075, 0.06)
# Factor of the mouth's map that is left out of the high-frequency term: all within 1.2 standard
# deviations of its center, a quarter at 2.
_MOUTH_LEFT_OUT = 2.0
# Distance of the windows of SSIM, in pixels. Neighboring windows are so similar that three of four
# are left out: they would be a sixth of a step.
_SSIM_STRIDE = 2
# Stabilizing constants of SSIM for values from 0 to 1, 0.01^2 and 0.03^2.
_SSIM_C1 = 1e-4
_SSIM_C2 = 9e-4
# Crop sides in pixels from which "auto" compares structure at two and at three scales.
_TWO_SCALES = 192
_THREE_SCALES = 384
# Weight of the displacements of the lids, next to 1 for other landmarks. Lids are only 32 of 468
# landmarks, and an eye that is open instead of shut is conspicuous.
_LIDS_WEIGHT = 4.0
# Side of the windows of the high-frequency term and their distance, in pixels.
_DETAIL_WINDOW = 8
_DETAIL_STRIDE = 4
# Added below the square root, whose gradient is infinite at 0.
_SQRT_EPSILON = 1e-5


def without_hidden_pixels(target: Any, prediction: Any, hidden: Any) -> tuple[Any, Any]:
    """Make hidden pixels equal and constant, so that no term learns from them.

    A weight of 0 does not suffice: windows around visible pixels reach into hidden ones.

    Args:
        target: RGB [n, s, s, 3].
        prediction: RGB [n, s, s, 3].
        hidden: How far each pixel is hidden, [n, s, s, 1], 0 to 1.

    Returns:
        Target and prediction that both show the prediction where the target is hidden. The
        prediction has no gradient there.
    """
    fill = ops.stop_gradient(prediction) * hidden
    return target * (1 - hidden) + fill, prediction * (1 - hidden) + fill


def with_rim(hidden: Any) -> Any:
    """Widen what is hidden by the rim where skin and hair are mixed.

    Args:
        hidden: How far each pixel is hidden, [n, s, s, 1], 0 to 1.

    Returns:
        The largest value within HIDDEN_RIM of each pixel, of the same shape.
    """
    radius = round(HIDDEN_RIM * hidden.shape[1])
    return ops.max_pool(hidden, 2 * radius + 1, 1, padding="same") if radius else hidden


def pixel_weights(mask: Any, outline: Any, crop: CropGeometry, config: LossConfig) -> Any:
    """Compute how much each pixel counts: 1 inside the face, more at eyes and mouth.

    Args:
        mask: Masks [n, s, s, 1], 0 to 1.
        outline: Where the background ends, [n, s, s, 1], 0 to 1; at least `mask`. What is inside
            and not in the mask has no weight.
        crop: Geometry of the crops.
        config: Weights of background, eyes and mouth.

    Returns:
        Weights [n, s, s, 1] that sum to 1 over each face.
    """
    weights = mask * eyes_mouth_map(crop, config.eyes_mouth_weight) + config.background_weight * (
        1 - outline
    )
    return weights / (ops.sum(weights, axis=(1, 2, 3), keepdims=True) + 1)


def eyes_mouth_map(crop: CropGeometry, extra: float) -> np.ndarray:
    """Return 1 + `extra` at the eyes and the mouth of an aligned crop, falling off to 1.

    Args:
        crop: Geometry of the crop.
        extra: Additional weight at the centers.

    Returns:
        [1, s, s, 1].
    """
    return float32(1 + extra * sum(_gaussian(crop, *feature) for feature in (*_EYES, _MOUTH)))


def eyes_map(crop: CropGeometry) -> np.ndarray:
    """Return 1 at the eyes of an aligned crop, falling off to 0.

    Args:
        crop: Geometry of the crop.

    Returns:
        [1, s, s, 1].
    """
    return float32(sum(_gaussian(crop, *eye) for eye in _EYES))


def without_mouth_map(crop: CropGeometry) -> np.ndarray:
    """Return 0 at the mouth of an aligned crop, rising to 1 around it.

    There the high-frequency term would be smallest with a hatch: teeth are the detail that is
    hardest to predict.

    Args:
        crop: Geometry of the crop.

    Returns:
        [1, s, s, 1].
    """
    return float32(np.clip(1 - _MOUTH_LEFT_OUT * _gaussian(crop, *_MOUTH), 0, 1))


def _gaussian(
    crop: CropGeometry, center_x: float, center_y: float, sigma_x: float, sigma_y: float
) -> np.ndarray:
    """A Gaussian [1, s, s, 1] on an aligned crop, 1 at its center."""
    position = (
        (np.arange(crop.size, dtype=np.float32) + 0.5) / crop.size - 0.5
    ) * crop.coverage + 0.5
    x, y = np.meshgrid(position, position)
    exponent = ((x - center_x) / sigma_x) ** 2 + ((y - center_y) / sigma_y) ** 2
    return np.exp(-exponent / 2)[None, ..., None]


def absolute_error(prediction: Any, target: Any) -> Any:
    """Mean absolute error over channels.

    Args:
        prediction: [n, s, s, c].
        target: [n, s, s, c].

    Returns:
        [n, s, s, 1].
    """
    return ops.mean(ops.abs(prediction - target), axis=-1, keepdims=True)


def gradient_difference_error(prediction: Any, target: Any) -> Any:
    """Mean over channels of the error of the differences to the next pixel right and below.

    Args:
        prediction: [n, s, s, c].
        target: [n, s, s, c].

    Returns:
        [n, s, s, 1].
    """
    error = prediction - target
    # Rolled instead of sliced: the gradient of a slice takes five times as long.
    steps = ops.abs(ops.roll(error, -1, 1) - error) + ops.abs(ops.roll(error, -1, 2) - error)
    return ops.mean(steps, axis=-1, keepdims=True) * _interior(error.shape, 0)


def dssim(prediction: Any, target: Any, window: float = 1 / 16) -> Any:
    """Structural dissimilarity, (1 - SSIM) / 2, around every second pixel; 0 for equal images.

    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity",
    IEEE TIP 13(4), 2004, with a box window.

    Args:
        prediction: [n, s, s, c].
        target: [n, s, s, c].
        window: Side of the window as a fraction of the images' side.

    Returns:
        [n, s/2, s/2, 1].
    """
    box = max(3, round(prediction.shape[1] * window) | 1)
    stacked = ops.concatenate(
        [
            prediction,
            target,
            prediction * prediction + target * target,
            prediction * target,
        ],
        -1,
    )
    means = ops.average_pool(stacked, box, _SSIM_STRIDE, padding="same")
    mean_a, mean_b, squares, product = ops.split(means, 4, axis=-1)
    means, mean_squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    similarity = ((2 * means + _SSIM_C1) * (2 * (product - means) + _SSIM_C2)) / (
        (mean_squares + _SSIM_C1) * (squares - mean_squares + _SSIM_C2)
    )
    return ops.mean((1 - similarity) / 2, axis=-1, keepdims=True)


def dssim_scales(config: LossConfig, size: int) -> int:
    """Return at how many scales structure is compared, 1 to 3.

    Args:
        config: The loss; its "auto" uses more scales for larger crops.
        size: Side of the crops in pixels.
    """
    if config.dssim_scales != "auto":
        return config.dssim_scales
    return 1 + (size >= _TWO_SCALES) + (size >= _THREE_SCALES)


def mean_dssim(weights: Any, prediction: Any, target: Any, scales: int) -> Any:
    """Mean of `dssim` over faces and scales; each scale counts the same.

    Each scale halves the side of the images and keeps the window's side in pixels. The windows are
    about a sixteenth of the images' side: 1/16 for one scale, 1/23 and 1/11 for two, 1/32, 1/16 and
    1/8 for three.

    Args:
        weights: Weights [n, s, s, 1] that sum to 1 over each face.
        prediction: [n, s, s, c].
        target: [n, s, s, c].
        scales: Number of scales, 1 to 3.

    Returns:
        A scalar.
    """
    means = []
    for scale in range(scales):
        if scale:
            prediction = ops.average_pool(prediction, 2, 2)
            target = ops.average_pool(target, 2, 2)
        window = 2 ** (scale - (scales - 1) / 2) / 16
        means.append(mean_over_faces(weights, dssim(prediction, target, window)))
    return sum(means) / scales


def displacement_error(shift: Any, displacements: Any, max_shift: float) -> Any:
    """Weighted mean absolute error of the mean face's displacements at the landmarks.

    Args:
        shift: Displacements [n, k, k, 2] before the tanh (see `MeanFace`).
        displacements: Position and true displacement of each landmark [n, p, 4], in sides of the
            crop from its center.
        max_shift: Largest displacement in sides of the crop; what lies beyond counts as it.

    Returns:
        A scalar, in LANDMARK_UNIT.
    """
    side = shift.shape[1]
    x, y, *_ = ops.split(displacements, 4, axis=-1)
    columns, rows = ((values[..., 0] + 0.5) * side - 0.5 for values in (x, y))
    first = ops.arange(shift.shape[0])[:, None] * side**2
    pixels = ops.reshape(max_shift * ops.tanh(shift), (-1, 2))
    predicted = sample_bilinear(pixels, side, columns, rows, first)
    true = ops.clip(displacements[..., 2:], -max_shift, max_shift)
    return ops.mean(_landmark_weights() * ops.abs(predicted - true)) / LANDMARK_UNIT


@cache
def _landmark_weights() -> Float32[np.ndarray, "p 1"]:
    """How much each landmark's displacement counts; 1 on average."""
    weights = np.ones((MESH_POINTS, 1))
    weights[[*EYE_LEFT, *EYE_RIGHT]] = _LIDS_WEIGHT
    return float32(weights / weights.mean())


def high_frequency_error(prediction: Any, target: Any) -> Any:
    """Error of the amount of fine detail around every fourth pixel.

    The amount is the root mean square of the Laplacian in a window of 8 pixels. Where the exact
    place of a lash or a tooth cannot be predicted, a loss of differences is smallest without any
    detail; this loss is smallest with as much detail as the target has.

    Args:
        prediction: [n, s, s, c].
        target: [n, s, s, c].

    Returns:
        [n, s/4, s/4, 1].
    """
    return ops.abs(_detail_amount(prediction) - _detail_amount(target))


def _detail_amount(rgb: Any) -> Any:
    gray = ops.mean(rgb, axis=-1, keepdims=True)
    neighbors = sum(ops.roll(gray, step, axis) for step in (1, -1) for axis in (1, 2))
    laplacian = (neighbors - 4 * gray) * _interior(rgb.shape, 1)
    return ops.sqrt(
        ops.average_pool(ops.square(laplacian), _DETAIL_WINDOW, _DETAIL_STRIDE, padding="same")
        + _SQRT_EPSILON
    )


def _interior(shape: tuple[int, ...], first: int) -> np.ndarray:
    """0 on the last row and column and the `first` ones, where a roll wraps around; else 1."""
    interior = np.zeros((1, *shape[1:3], 1), np.float32)
    interior[:, first:-1, first:-1] = 1
    return interior


def mean_over_faces(weights: Any, error: Any) -> Any:
    """Weighted mean of an error over pixels and faces.

    Args:
        weights: Weights [n, s, s, 1] that sum to 1 over each face.
        error: [n, h, w, 1], with h and w equal to s or a fraction of it.

    Returns:
        A scalar.
    """
    step = weights.shape[1] // error.shape[1]
    if step > 1:
        # Keras 3.15 on JAX needs explicit strides.
        weights = ops.average_pool(weights, step, step) * step**2
    return ops.mean(ops.sum(weights * error, axis=(1, 2, 3)))
