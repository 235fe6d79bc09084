"""The losses measure the face and its detail, independent of the face's size in the crop."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from faceloom.faces.alignment import CropGeometry
from faceloom_train.config.schema import LossConfig
from faceloom_train.model.losses import (
    absolute_error,
    dssim,
    dssim_scales,
    eyes_mouth_map,
    gradient_difference_error,
    high_frequency_error,
    mean_dssim,
    mean_over_faces,
    pixel_weights,
    with_rim,
    without_hidden_pixels,
    without_mouth_map,
)

pytestmark = pytest.mark.training

# Side of the test images in pixels.
SIZE = 32
IMAGES = np.random.default_rng(0).random((2, SIZE, SIZE, 3), np.float32)


def to_numpy(x: object) -> np.ndarray:
    return ops.convert_to_numpy(x)


def box_blur(images: np.ndarray) -> np.ndarray:
    """Blur with a 3 x 3 box."""
    shifted = [np.roll(images, (dy, dx), (1, 2)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.mean(shifted, 0)


def square_mask(side: int) -> np.ndarray:
    """A centered square of 1 [1, SIZE, SIZE, 1]."""
    mask = np.zeros((1, SIZE, SIZE, 1), np.float32)
    first = (SIZE - side) // 2
    mask[:, first : first + side, first : first + side] = 1
    return mask


@pytest.mark.parametrize(
    ("loss", "side"),
    [
        (absolute_error, SIZE),
        (gradient_difference_error, SIZE),
        (dssim, SIZE // 2),
        (high_frequency_error, SIZE // 4),
    ],
)
def test_the_loss_of_equal_images_is_zero(loss: Callable, side: int) -> None:
    error = to_numpy(loss(IMAGES, IMAGES))
    assert error.shape == (2, side, side, 1)
    np.testing.assert_allclose(error, 0, atol=1e-5)


@pytest.mark.parametrize(
    ("loss", "brightness_error", "blur_error"),
    [(absolute_error, 0.1, 0.2), (gradient_difference_error, 0.0, 0.4)],
)
def test_the_loss_of_a_brightness_offset_and_of_blur(
    loss: Callable, brightness_error: float, blur_error: float
) -> None:
    offset = to_numpy(loss(IMAGES + 0.1, IMAGES)).mean()
    assert offset == pytest.approx(brightness_error, abs=0.01)
    assert to_numpy(loss(box_blur(IMAGES), IMAGES)).mean() > blur_error


def test_dssim_is_half_of_one_minus_ssim() -> None:
    """Compare with SSIM computed directly for one window."""
    a, b = IMAGES[:1], box_blur(IMAGES[:1])
    box = 3  # 32 / 16, made odd and at least 3
    window = (0, slice(10, 10 + box), slice(20, 20 + box), 1)
    x, y = a[window], b[window]
    expected = (
        (2 * x.mean() * y.mean() + 1e-4) * (2 * ((x * y).mean() - x.mean() * y.mean()) + 9e-4)
    ) / ((x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (x.var() + y.var() + 9e-4))
    green = to_numpy(dssim(np.repeat(a[..., 1:2], 3, -1), np.repeat(b[..., 1:2], 3, -1)))
    assert green[0, 5, 10, 0] == pytest.approx((1 - expected) / 2, abs=1e-4)


def test_the_high_frequency_loss_ignores_the_place_of_detail() -> None:
    shifted = np.roll(IMAGES, (1, 1), (1, 2))
    shift_error, blur_error = (
        to_numpy(high_frequency_error(other, IMAGES))[:, 1:-1, 1:-1].mean()
        for other in (shifted, box_blur(IMAGES))
    )
    assert shift_error < blur_error / 5
    assert (
        to_numpy(absolute_error(shifted, IMAGES)).mean()
        > to_numpy(absolute_error(box_blur(IMAGES), IMAGES)).mean()
    )


@pytest.mark.parametrize(
    ("size", "scales"), [(64, 1), (160, 1), (192, 2), (256, 2), (368, 2), (384, 3), (512, 3)]
)
def test_larger_images_are_compared_at_more_scales(size: int, scales: int) -> None:
    assert dssim_scales(LossConfig(), size) == scales
    assert dssim_scales(LossConfig(dssim_scales=1), size) == 1


def test_more_scales_measure_structure_rather_than_grain() -> None:
    """Grain costs most at one scale; a slow wave, which small windows miss, with three."""
    constant = np.full((1, 128, 128, 3), 0.5, np.float32)
    grain = constant + np.float32(np.random.default_rng(0).normal(0, 0.1, constant.shape))
    wave = constant + np.float32(0.02 * np.sin(np.arange(128) * 2 * np.pi / 64))[:, None]
    weights = np.full((1, 128, 128, 1), 1 / 128**2, np.float32)
    grain_errors, wave_errors = (
        [float(mean_dssim(weights, x, constant, scales)) for scales in (1, 2, 3)]
        for x in (grain, wave)
    )
    assert grain_errors[0] > grain_errors[1] > grain_errors[2]
    assert wave_errors[0] < wave_errors[1] < wave_errors[2]
    assert float(mean_dssim(weights, grain, grain, 3)) == pytest.approx(0, abs=1e-5)
    single_scale = float(mean_over_faces(weights, dssim(grain, constant)))
    assert grain_errors[0] == pytest.approx(single_scale, rel=1e-6)


def test_an_error_at_a_lower_resolution_has_the_same_mean() -> None:
    crop = CropGeometry(size=SIZE, coverage=1)
    weights = to_numpy(pixel_weights(square_mask(16), square_mask(16), crop, LossConfig()))
    full, half = (
        to_numpy(mean_over_faces(weights, np.ones((1, side, side, 1), np.float32)))
        for side in (SIZE, SIZE // 2)
    )
    assert half == pytest.approx(full, rel=1e-5)


def test_gradient_differences_do_not_wrap_around_the_edge() -> None:
    image = np.zeros((1, SIZE, SIZE, 3), np.float32)
    image[:, 0] = image[:, :, 0] = 1
    error = to_numpy(gradient_difference_error(image, np.zeros_like(image)))
    assert error[:, -1].max() == error[:, :, -1].max() == 0
    assert error[:, 0, 1:-1].min() > 0


@pytest.mark.parametrize("side", [8, 16, 28])
def test_weights_sum_to_one_for_any_size_of_the_face(side: int) -> None:
    crop = CropGeometry(size=SIZE, coverage=1)
    mask = square_mask(side)
    config = LossConfig(background_weight=0, eyes_mouth_weight=0)
    weights = to_numpy(pixel_weights(mask, mask, crop, config))
    assert weights.sum() == pytest.approx(1, abs=0.02)
    assert (weights[mask == 0] == 0).all()
    config = LossConfig(background_weight=0.1, eyes_mouth_weight=0)
    weights = to_numpy(pixel_weights(mask, mask, crop, config))
    assert weights[0, 0, 0, 0] == pytest.approx(weights[0, 16, 16, 0] / 10, rel=1e-3)


@pytest.mark.parametrize("coverage", [0.8, 1.0])
def test_eyes_and_mouth_have_more_weight_at_any_coverage(coverage: float) -> None:
    crop = CropGeometry(size=64, coverage=coverage)
    weights = eyes_mouth_map(crop, 3.0)[0, ..., 0]
    eye_left, eye_right, nose, *_ = np.intp(np.rint(crop.template_xy()))
    for x, y in (eye_left, eye_right):
        assert weights[y, x] > 3.5
    assert weights[nose[1], nose[0]] < 2.5
    assert weights[0, 0] == pytest.approx(1, abs=0.01)


def test_the_amount_of_detail_does_not_count_at_the_mouth() -> None:
    crop = CropGeometry(size=64, coverage=1.0)
    weights = without_mouth_map(crop)[0, ..., 0]
    eye_left, eye_right, nose, *mouth_corners = np.intp(np.rint(crop.template_xy()))
    x, y = np.intp(np.mean(mouth_corners, axis=0))
    assert weights[y, x] == 0
    assert weights[nose[1], nose[0]] > 0.5
    for x, y in (eye_left, eye_right):
        assert weights[y, x] > 0.99


def all_losses(weights: np.ndarray, target: tf.Tensor, prediction: tf.Tensor) -> list[tf.Tensor]:
    return [
        mean_over_faces(weights, absolute_error(prediction, target)),
        mean_over_faces(weights, gradient_difference_error(prediction, target)),
        mean_over_faces(weights, high_frequency_error(prediction, target)),
        mean_dssim(weights, prediction, target, 2),
    ]


@pytest.mark.parametrize("kind", ["hidden", "visible"])
def test_hidden_pixels_count_for_nothing(kind: str) -> None:
    rng = np.random.default_rng(0)
    target, prediction, other = (
        rng.random((1, SIZE, SIZE, 3)).astype(np.float32) for _ in range(3)
    )
    outline = square_mask(24)
    mask = outline.copy()
    mask[:, :16] = 0
    hidden = outline - mask
    where = np.broadcast_to((hidden if kind == "hidden" else mask) > 0, target.shape)
    weights = pixel_weights(mask, outline, CropGeometry(size=SIZE, coverage=1), LossConfig())
    gradients = []
    values = []
    for picture in (target, np.where(where, other, target)):
        with tf.GradientTape() as tape:
            variable = tf.constant(prediction)
            tape.watch(variable)
            losses = all_losses(weights, *without_hidden_pixels(picture, variable, hidden))
            total = sum(losses)
        values.append([float(loss) for loss in losses])
        gradients.append(tape.gradient(total, variable).numpy())
    same = np.isclose(*values, rtol=1e-5)
    assert same.all() if kind == "hidden" else not same.any()
    assert gradients[0][where].any() == (kind == "visible")


def test_the_rim_of_what_is_hidden_has_a_width_in_sides() -> None:
    for size, radius in ((32, 1), (128, 3), (256, 5)):
        hidden = np.zeros((1, size, size, 1), np.float32)
        hidden[0, size // 2, size // 2] = 0.5
        wide = np.asarray(with_rim(hidden))[0, ..., 0]
        rows = np.flatnonzero(wide.any(1))
        assert (rows[0], rows[-1]) == (size // 2 - radius, size // 2 + radius)
        assert wide.max() == 0.5
