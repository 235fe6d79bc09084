"""Losses count what matters: the face, its detail, and not the size of the face in its crop."""

import numpy as np
import pytest
from keras import ops

from faceloom.faces.alignment import CropGeometry
from faceloom_train.config.schema import LossConfig
from faceloom_train.model.losses import (
    absolute_error,
    detail_error,
    dssim,
    dssim_scales,
    feature_map,
    gradient_error,
    mean_dssim,
    mean_over_faces,
    pixel_weights,
)

SIZE = 32
PICTURES = np.random.default_rng(0).random((2, SIZE, SIZE, 3), np.float32)


def number(x: object) -> np.ndarray:
    return ops.convert_to_numpy(x)


def blurred(pictures: np.ndarray) -> np.ndarray:
    kernel = [np.roll(pictures, (dy, dx), (1, 2)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return np.mean(kernel, 0)


@pytest.mark.parametrize(
    ("loss", "side"),
    [(absolute_error, SIZE), (gradient_error, SIZE), (dssim, SIZE // 2), (detail_error, SIZE // 4)],
)
def test_equal_pictures_cost_nothing(loss, side: int) -> None:
    cost = number(loss(PICTURES, PICTURES))
    assert cost.shape == (2, side, side, 1)
    np.testing.assert_allclose(cost, 0, atol=1e-5)


@pytest.mark.parametrize(
    ("loss", "of_a_shade", "of_blur"), [(absolute_error, 0.1, 0.2), (gradient_error, 0.0, 0.4)]
)
def test_what_each_part_notices(loss, of_a_shade: float, of_blur: float) -> None:
    assert number(loss(PICTURES + 0.1, PICTURES)).mean() == pytest.approx(of_a_shade, abs=0.01)
    assert number(loss(blurred(PICTURES), PICTURES)).mean() > of_blur


def test_dssim_is_half_of_one_minus_ssim() -> None:
    """Against SSIM written out for one window."""
    a, b = PICTURES[:1], blurred(PICTURES[:1])
    box = 3  # 32 / 16, made odd and at least 3
    window = (0, slice(10, 10 + box), slice(20, 20 + box), 1)
    x, y = a[window], b[window]
    expected = (
        (2 * x.mean() * y.mean() + 1e-4) * (2 * ((x * y).mean() - x.mean() * y.mean()) + 9e-4)
    ) / ((x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (x.var() + y.var() + 9e-4))
    green = number(dssim(np.repeat(a[..., 1:2], 3, -1), np.repeat(b[..., 1:2], 3, -1)))
    assert green[0, 5, 10, 0] == pytest.approx((1 - expected) / 2, abs=1e-4)


def test_detail_counts_wherever_it_is() -> None:
    moved = np.roll(PICTURES, (1, 1), (1, 2))
    of_place, of_blur = (
        number(detail_error(other, PICTURES))[:, 1:-1, 1:-1].mean()
        for other in (moved, blurred(PICTURES))
    )
    assert of_place < of_blur / 5
    assert (
        number(absolute_error(moved, PICTURES)).mean()
        > number(absolute_error(blurred(PICTURES), PICTURES)).mean()
    )


@pytest.mark.parametrize(
    ("size", "scales"), [(64, 1), (160, 1), (192, 2), (256, 2), (368, 2), (384, 3), (512, 3)]
)
def test_larger_pictures_are_compared_at_more_scales(size: int, scales: int) -> None:
    assert dssim_scales(LossConfig(), size) == scales
    assert dssim_scales(LossConfig(dssim_scales=1), size) == 1


def test_further_scales_see_structure_and_not_grain() -> None:
    """Fine grain costs most at one scale; a slow wave, which small boxes hardly see, costs more with each."""
    flat = np.full((1, 128, 128, 3), 0.5, np.float32)
    grain = flat + np.float32(np.random.default_rng(0).normal(0, 0.1, flat.shape))
    wave = flat + np.float32(0.02 * np.sin(np.arange(128) * 2 * np.pi / 64))[:, None]
    weights = np.full((1, 128, 128, 1), 1 / 128**2, np.float32)
    grains, waves = (
        [float(mean_dssim(weights, x, flat, n)) for n in (1, 2, 3)] for x in (grain, wave)
    )
    assert grains[0] > grains[1] > grains[2]
    assert waves[0] < waves[1] < waves[2]
    assert float(mean_dssim(weights, grain, grain, 3)) == pytest.approx(0, abs=1e-5)
    one = float(mean_over_faces(weights, dssim(grain, flat)))
    assert grains[0] == pytest.approx(one, rel=1e-6)


def test_an_error_of_fewer_places_weighs_as_much() -> None:
    weights = number(pixel_weights(mask(16), CropGeometry(size=SIZE, coverage=1), LossConfig()))
    whole = number(mean_over_faces(weights, np.ones((1, SIZE, SIZE, 1), np.float32)))
    half = number(mean_over_faces(weights, np.ones((1, SIZE // 2, SIZE // 2, 1), np.float32)))
    assert half == pytest.approx(whole, rel=1e-5)


def test_steps_do_not_reach_around_the_edge() -> None:
    picture = np.zeros((1, SIZE, SIZE, 3), np.float32)
    picture[:, 0] = picture[:, :, 0] = 1
    cost = number(gradient_error(picture, np.zeros_like(picture)))
    assert cost[:, -1].max() == cost[:, :, -1].max() == 0
    assert cost[:, 0, 1:-1].min() > 0


def mask(side: int) -> np.ndarray:
    whole = np.zeros((1, SIZE, SIZE, 1), np.float32)
    first = (SIZE - side) // 2
    whole[:, first : first + side, first : first + side] = 1
    return whole


@pytest.mark.parametrize("side", [8, 16, 28])
def test_weights_sum_to_one_however_large_the_face(side: int) -> None:
    crop = CropGeometry(size=SIZE, coverage=1)
    weights = number(pixel_weights(mask(side), crop, LossConfig(background_weight=0, eyes_mouth_weight=0)))
    assert weights.sum() == pytest.approx(1, abs=0.02)
    assert (weights[mask(side) == 0] == 0).all()
    some = number(pixel_weights(mask(side), crop, LossConfig(background_weight=0.1, eyes_mouth_weight=0)))
    assert some[0, 0, 0, 0] == pytest.approx(some[0, 16, 16, 0] / 10, rel=1e-3)


def test_features_lie_on_eyes_and_mouth_whatever_the_coverage() -> None:
    for coverage in (0.8, 1.0):
        crop = CropGeometry(size=64, coverage=coverage)
        heights = feature_map(crop, 3.0)[0, ..., 0]
        eye_left, eye_right, nose, *_ = np.intp(np.rint(crop.template_xy()))
        for x, y in (eye_left, eye_right):
            assert heights[y, x] > 3.5
        assert heights[nose[1], nose[0]] < 2.5
        assert heights[0, 0] == pytest.approx(1, abs=0.01)
