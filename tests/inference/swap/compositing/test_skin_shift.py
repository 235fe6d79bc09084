"""A skin gets another mean color; its shadows get less chroma, black and white stay."""

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.swap.compositing.lightness_curve import LightnessCurve
from faceloom.swap.compositing.skin_shift import SkinShift

# L*, a* and b* of a dark and of a light skin.
DARK, LIGHT = (25, 24, 24), (73, 9, 28)


@pytest.mark.parametrize(
    ("own", "target"),
    [(DARK, LIGHT), (LIGHT, DARK), (DARK, (60, 0, 0)), (DARK, DARK)],
    ids=["dark on light", "light on dark", "dark on gray", "the same"],
)
def test_shadows_get_less_of_the_chroma_s_shift(
    own: tuple[float, ...], target: tuple[float, ...]
) -> None:
    """A shadow of a skin has its chroma in proportion; black, as in nostrils, has none."""
    shades = float32([0, 0.2, 0.5, 1, 1, 1, 1.3])
    face = np.multiply.outer(shades, float32(own))[None]
    skin = face[0, 3:6] + float32([[0, 0, 0], [2, 1, -1], [-2, -1, 1]])
    shift = SkinShift.to_mean(skin, float32(target))
    moved = shift.apply(face)[0]
    expected = face[0, :, 1:] + np.multiply.outer(
        np.minimum(shades, 1), np.subtract(target, own)[1:]
    )
    np.testing.assert_allclose(moved[:, 1:], expected, atol=0.8)
    np.testing.assert_allclose(shift.apply(skin[None]).mean((0, 1)), target, atol=0.05)


@pytest.mark.parametrize("center", [1, 5, 30, 60, 95, 99])
@pytest.mark.parametrize("target", [0, 20, 50, 70, 100])
def test_a_curve_keeps_black_and_white_and_the_order_of_levels(center: int, target: int) -> None:
    curve = LightnessCurve.between(center, target)
    levels = np.linspace(0, 100, 401, dtype=np.float32)
    moved = curve.apply(levels)
    np.testing.assert_allclose(moved[[0, -1]], [0, 100], atol=1e-4)
    assert (np.diff(moved) >= -1e-3).all()
    assert curve.apply(float32([center]))[0] == pytest.approx(target, abs=0.05)
    assert ((moved - levels) * np.sign(target - center) >= -1e-3).all()


@pytest.mark.parametrize("level", [-20.0, 0.0, 100.0, 130.0])
def test_black_and_white_are_no_center(level: float) -> None:
    for target in (0, 50, 100):
        moved = LightnessCurve.between(level, target).apply(float32([0, 50, 100]))
        assert np.isfinite(moved).all()
        assert (np.diff(moved) >= 0).all()


@pytest.mark.parametrize("target", [8, 20, 50, 70, 92])
@pytest.mark.parametrize("center", [10, 30, 60, 90])
def test_pixels_get_the_wanted_mean(center: float, target: float) -> None:
    skin = np.random.default_rng(0).normal(center, 3, 500).astype(np.float32)
    assert LightnessCurve.to_mean(skin, target).apply(skin).mean() == pytest.approx(target, abs=1)


def test_small_shifts_keep_contrast_and_large_ones_do_not_burn_highlights() -> None:
    skin = float32([56, 64])
    assert np.ptp(LightnessCurve(60, 8).apply(skin)) == pytest.approx(8, rel=0.05)
    # The highlight of a dark face, which the shift alone would bring to 105.
    highlight, bright = LightnessCurve(30, 45).apply(float32([60, 45]))
    assert bright + 3 < highlight < 97
