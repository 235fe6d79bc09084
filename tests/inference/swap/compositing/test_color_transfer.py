"""Colors are matched as the method says, no soft face is burnt, and nothing flickers."""

import cv2
import numpy as np
import pytest
from tests.helpers.clips import noise

from faceloom.array_types import to_levels
from faceloom.color import to_lab
from faceloom.swap.compositing.color_transfer import match_color

HOW = ("lab", "rct", "histogram")
FULL = np.full((64, 64), 255, np.uint8)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """A darker, greenish face and the reddish target that it is to look like."""
    target, swapped = noise(2, 64, 64)
    return to_levels(swapped * [0.3, 0.4, 0.3] + 40.0), to_levels(target * [0.4, 0.3, 0.3] + 90.0)


@pytest.mark.parametrize("how", HOW)
def test_the_target_s_mean_color_is_reached_inside_the_mask(how: str) -> None:
    swapped, target = pictures()
    mask = FULL.copy()
    mask[:, 40:] = 0
    matched = match_color(how, swapped, target, mask, {})
    before, after, wanted = (
        to_lab(picture)[:, :40].mean((0, 1)) for picture in (swapped, matched, target)
    )
    assert np.abs(before - wanted).max() > 15
    np.testing.assert_allclose(after, wanted, atol=2.5)


@pytest.mark.parametrize(("how", "mask"), [("none", FULL), *((how, 0 * FULL) for how in HOW)])
def test_nothing_is_matched_without_a_method_or_a_face(how: str, mask: np.ndarray) -> None:
    swapped, target = pictures()
    np.testing.assert_array_equal(match_color(how, swapped, target, mask, {}), swapped)


@pytest.mark.parametrize(
    ("how", "least", "most"), [("lab", 0.9, 1.1), ("rct", 0.9, 1.3), ("histogram", 0.6, 1.5)]
)
def test_a_soft_face_is_not_burnt(how: str, least: float, most: float) -> None:
    grain = np.random.default_rng(0).normal(0, 40, (64, 64, 1))
    target = to_levels(np.clip(pictures()[1] + grain, 0, 255))
    soft = cv2.GaussianBlur(target, (0, 0), 4)
    spreads = [
        to_lab(picture)[..., 0].std()
        for picture in (soft, match_color(how, soft, target, FULL, {}))
    ]
    assert to_lab(target)[..., 0].std() > 2 * spreads[0]
    assert least * spreads[0] < spreads[1] < most * spreads[0]


@pytest.mark.parametrize("how", ["rct", "histogram"])
def test_a_flat_face_gains_contrast_within_limits(how: str) -> None:
    target = to_levels(np.repeat(np.linspace(60, 200, 64)[None, :, None], 64, 0) * np.ones(3))
    flat = to_levels((target - 130.0) / 3 + 130)
    gained = match_color(how, flat, target, FULL, {}).std() / flat.std()
    assert 1.15 < gained < 1.5


@pytest.mark.parametrize("how", HOW)
def test_what_the_network_trembles_is_taken_out(how: str) -> None:
    swapped, target = pictures()
    notes: dict = {}
    shifts = np.random.default_rng(1).normal(0, 4, 30).round()
    drawn = [to_levels(swapped + shift) for shift in shifts]
    matched = [match_color(how, face, target, FULL, notes).mean() for face in drawn]
    assert np.std(matched) < 0.15 * np.std(shifts)


@pytest.mark.parametrize("how", HOW)
def test_a_target_that_trembles_is_steadied_and_a_lamp_is_followed(how: str) -> None:
    swapped, target = pictures()
    notes: dict = {}
    tremble = np.random.default_rng(1).normal(0, 2, 60)
    levels = [
        match_color(how, swapped, to_levels(target + shift), FULL, notes).mean()
        for shift in tremble.round()
    ]
    assert np.diff(levels[10:]).std() < 0.75 * np.diff(tremble.round()).std()
    lit = to_levels(target + 40.0)
    assert match_color(how, swapped, lit, FULL, notes).mean() == pytest.approx(lit.mean(), abs=2.5)
