"""The target's light is brought to a face; its features and a prediction's flicker are not."""

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.color import Lab
from faceloom.swap.compositing.illumination import add_light, measure_light

SIZE = 64
# -1 at the left and top of the picture, 1 at the right and bottom.
DOWN, ACROSS = np.float32(np.mgrid[:SIZE, :SIZE] / (SIZE - 1) * 2 - 1)
FACE = float32((ACROSS / 0.7) ** 2 + (DOWN / 0.85) ** 2 < 1)
SKIN = [60, 14, 18]


def face(lightness: np.ndarray | float = 0.0, seed: int = 0) -> Lab:
    """Return skin with fine detail and some change of its lightness."""
    detail = np.random.default_rng(seed).normal(0, 2, (SIZE, SIZE, 1)) * [1, 0.3, 0.3]
    picture = np.full((SIZE, SIZE, 3), SKIN) + detail
    picture[..., 0] += lightness
    return float32(picture)


def lit(predicted: Lab, target: Lab, state: dict | None = None, skin: np.ndarray = FACE) -> Lab:
    light = measure_light(target, skin, {} if state is None else state)
    return add_light(predicted, light.difference(predicted))


LIGHTS = {
    "from the left": -9 * ACROSS,
    "from above": -9 * DOWN,
    "from one corner": 7 * ACROSS + 7 * DOWN,
    "a lamp in front": -12 * (ACROSS**2 + DOWN**2),
    "from both sides": 16 * ACROSS**2,
}


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("lit_picture", ["target", "prediction"])
def test_the_target_s_light_replaces_the_prediction_s(light: str, lit_picture: str) -> None:
    target, predicted = face(), face(seed=1)
    (target if lit_picture == "target" else predicted)[..., 0] += LIGHTS[light]
    detail = face(seed=1) - face()
    before, after = (
        (picture - target - detail)[..., 0][FACE > 0].std()
        for picture in (predicted, lit(predicted, target))
    )
    assert before > 1.5
    assert after < 0.5 * before


def test_tinted_light_and_the_mean_color() -> None:
    """Chroma follows too; the mean stays, since it is the color transfer's."""
    target, predicted = face(), face(seed=1) + float32([5, -4, 3])
    target[..., 1] += 5 * ACROSS + 3 * DOWN**2
    matched = lit(predicted, target)
    left, right = (matched[FACE * side > 0].mean(0)[1] for side in (ACROSS < 0, ACROSS > 0))
    assert 2 < right - left < 4
    np.testing.assert_allclose(matched[FACE > 0].mean(0), predicted[FACE > 0].mean(0), atol=0.2)


def test_a_nose_is_not_imported() -> None:
    nose = 12 * np.exp(-(ACROSS**2 + DOWN**2) / (2 * 0.12**2))
    change = lit(face(seed=1), face(nose)) - face(seed=1)
    assert np.ptp(change[..., 0][FACE > 0]) < 0.2 * nose.max()


def test_the_change_is_limited() -> None:
    change = lit(face(), face(60 * ACROSS)) - face()
    assert 12 < np.abs(change).max() <= 15


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0.0, 0.0, 0.0), (0.2, 0.05, 0.6), (1.0, 0.75, 1.0)]
)
def test_the_less_skin_is_seen_the_less_changes(share: float, least: float, most: float) -> None:
    skin = FACE * (np.abs(ACROSS) < share)
    change = lit(face(), face(5 * ACROSS), skin=skin) - face()
    middle = change[SIZE // 2, :, 0]
    assert least * 10 <= middle[-1] - middle[0] <= most * 10 + 1e-6


def test_what_is_no_skin_does_not_count() -> None:
    hidden = face(5 * ACROSS)
    hand = np.s_[21:45, 5:29]
    hidden[hand] = [20, 30, -30]
    skin = FACE.copy()
    skin[hand] = 0
    difference = lit(face(), hidden, skin=skin) - lit(face(), face(5 * ACROSS), skin=skin)
    assert np.abs(difference).max() < 1e-3


def test_a_prediction_s_flicker_is_removed_and_a_target_s_is_smoothed() -> None:
    flicker = np.random.default_rng(2).normal(0, 2, 40)
    steady, smoothed = {}, {}
    sides = []
    for amount in flicker:
        flat = lit(face(amount * ACROSS), face(), steady)
        shown = lit(face(), face(amount * ACROSS), smoothed)
        sides.append([(picture * FACE[..., None])[:, 48:, 0].sum() for picture in (flat, shown)])
    sides = np.array(sides) / FACE[:, 48:].sum()
    change = np.diff(flicker * ACROSS[:, 48:][FACE[:, 48:] > 0].mean()).std()
    assert np.diff(sides[:, 0]).std() < 0.3 * change
    assert np.diff(sides[5:, 1]).std() < 0.75 * change


def test_a_new_lamp_is_followed_at_once() -> None:
    state: dict = {}
    lit(face(), face(), state)
    lamp = face(16 * ACROSS)
    np.testing.assert_allclose(lit(face(), lamp, state), lit(face(), lamp), atol=1)
