"""Color transfer reaches the target's colors, limits contrast and does not flicker."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.clips import wave_images
from tests.helpers.color_transfer import transfer_color

from faceloom.array_types import to_uint8
from faceloom.color import ChromaSpread, to_lab
from faceloom.swap.selection.track_state import TrackState
from faceloom.video import read_frames

CASES = Path(__file__).parents[3] / "data" / "cases"

METHODS = ("lab", "rct", "histogram")
FULL = np.full((64, 64), 255, np.uint8)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """A darker, greenish face and its reddish target."""
    target, swapped = wave_images(2, 64, 64)
    return to_uint8(swapped * [0.3, 0.4, 0.3] + 40.0), to_uint8(target * [0.4, 0.3, 0.3] + 90.0)


@pytest.mark.parametrize("method", METHODS)
def test_the_mean_color_inside_the_mask_is_the_target_s(method: str) -> None:
    swapped, target = pictures()
    mask = FULL.copy()
    mask[:, 40:] = 0
    matched = transfer_color(method, swapped, target, mask, {})
    before, after, expected = (
        to_lab(picture)[:, :40].mean((0, 1)) for picture in (swapped, matched, target)
    )
    assert np.abs(before - expected).max() > 15
    np.testing.assert_allclose(after, expected, atol=2.5)


@pytest.mark.parametrize(
    ("method", "mask"), [("none", FULL), *((method, 0 * FULL) for method in METHODS)]
)
def test_colors_stay_without_a_method_or_a_mask(method: str, mask: np.ndarray) -> None:
    swapped, target = pictures()
    np.testing.assert_array_equal(transfer_color(method, swapped, target, mask, {}), swapped)


@pytest.mark.parametrize(
    ("method", "min_gain", "max_gain"),
    [("lab", 0.9, 1.1), ("rct", 0.9, 1.3), ("histogram", 0.6, 1.5)],
)
def test_the_spread_of_a_soft_face_is_raised_within_limits(
    method: str, min_gain: float, max_gain: float
) -> None:
    grain = np.random.default_rng(0).normal(0, 40, (64, 64, 1))
    target = to_uint8(np.clip(pictures()[1] + grain, 0, 255))
    soft = cv2.GaussianBlur(target, (0, 0), 4)
    spreads = [
        to_lab(picture)[..., 0].std()
        for picture in (soft, transfer_color(method, soft, target, FULL, {}))
    ]
    assert to_lab(target)[..., 0].std() > 2 * spreads[0]
    assert min_gain * spreads[0] < spreads[1] < max_gain * spreads[0]


@pytest.mark.parametrize("method", ["rct", "histogram"])
def test_a_flat_face_gains_contrast_within_limits(method: str) -> None:
    # Stripes, since light from one side is brought without limits of contrast.
    stripes = 130 + 70 * np.cos(np.linspace(0, 16 * np.pi, 64))
    target = to_uint8(np.repeat(stripes[None, :, None], 64, 0) * np.ones(3))
    flat = to_uint8((target - 130.0) / 3 + 130)
    gained = transfer_color(method, flat, target, FULL, {}).std() / flat.std()
    assert 1.15 < gained < 1.5


@pytest.mark.parametrize("method", METHODS)
def test_flicker_of_the_prediction_is_removed(method: str) -> None:
    swapped, target = pictures()
    state: dict = {}
    shifts = np.random.default_rng(1).normal(0, 4, 30).round()
    predictions = [to_uint8(swapped + shift) for shift in shifts]
    matched = [transfer_color(method, face, target, FULL, state).mean() for face in predictions]
    assert np.std(matched) < 0.15 * np.std(shifts)


@pytest.mark.parametrize("method", METHODS)
def test_flicker_of_the_target_is_smoothed_and_a_lamp_is_followed(method: str) -> None:
    swapped, target = pictures()
    state: dict = {}
    flicker = np.random.default_rng(1).normal(0, 2, 60)
    levels = [
        transfer_color(method, swapped, to_uint8(target + shift), FULL, state).mean()
        for shift in flicker.round()
    ]
    assert np.diff(levels[10:]).std() < 0.75 * np.diff(flicker.round()).std()
    lit = to_uint8(target + 40.0)
    assert transfer_color(method, swapped, lit, FULL, state).mean() == pytest.approx(
        lit.mean(), abs=2.5
    )


def _graded(picture: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
    return to_uint8(picture.astype(np.float32) @ np.float32(matrix).T)


LUMA = [0.299, 0.587, 0.114]
# Footage of little chroma, or of chroma that follows lightness: matrices from RGB to RGB.
GRADES = {
    "gray": [LUMA] * 3,
    "sepia": [[0.35, 0.69, 0.17], [0.31, 0.61, 0.15], [0.24, 0.48, 0.12]],
    "blue night": [[0.3 * x for x in LUMA], [0.4 * x for x in LUMA], [0.9 * x for x in LUMA]],
    "little saturation": (0.85 * np.float32([LUMA] * 3) + 0.15 * np.eye(3)).tolist(),
}


def _face(seed: int) -> np.ndarray:
    """Skin with shading, red lips and dark brows."""
    rows = np.linspace(-1, 1, 64)
    shading = 1 - 0.35 * (rows[:, None] ** 2 + rows[None] ** 2) / 2
    picture = shading[..., None] * np.float32([225, 172, 140])
    picture[44:50, 20:44] = 190, 70, 80
    picture[16:20, 12:52] = 60, 45, 40
    grain = np.random.default_rng(seed).normal(0, 3, picture.shape)
    return to_uint8(np.clip(picture + grain, 0, 255))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grade", GRADES)
def test_chroma_varies_no_more_than_in_the_target(method: str, grade: str) -> None:
    """The face that is put in has vivid lips; the target's tone allows none."""
    target = _graded(_face(0), GRADES[grade])
    matched = transfer_color(method, _face(1), target, FULL, {})
    own, reference = (
        ChromaSpread.measure(to_lab(cv2.blur(picture, (3, 3))).reshape(-1, 3))
        for picture in (matched, target)
    )
    vivid = ChromaSpread.measure(to_lab(_face(1)).reshape(-1, 3))
    assert vivid.rest > 5
    assert own.rest < 1.3 * reference.rest + 0.8
    np.testing.assert_allclose(own.slope, reference.slope, atol=0.15)
    np.testing.assert_allclose(own.mean, reference.mean, atol=2)


@pytest.mark.parametrize("method", METHODS)
def test_black_and_white_footage_stored_in_color_stays_gray(method: str) -> None:
    frame = next(read_frames(CASES / "bw.mp4")).rgb
    target = frame[70:198, 100:228]
    matched = transfer_color(
        method, cv2.resize(_face(1), (128, 128)), target, np.tile(FULL, (2, 2)), {}
    )
    assert np.abs(to_lab(target)[..., 1:]).max() < 1
    assert np.abs(to_lab(matched)[..., 1:]).max() < 2


def test_colorful_footage_keeps_the_face_s_own_variation() -> None:
    target = _graded(_face(0), [[1.1, 0, 0], [0, 0.9, 0], [0, 0, 0.7]])
    # Of the lips and of the skin above and below them, so that light does not count. The lips are
    # as light as the skin, since chroma moves less in what is darker.
    lips, skin = np.s_[44:50, 20:44], np.r_[38:42, 52:56]
    face = _face(1)
    face[lips] = 255, 135, 150
    pale = _graded(face, (0.5 * np.float32([LUMA] * 3) + 0.5 * np.eye(3)).tolist())
    matched = transfer_color("lab", pale, target, FULL, {})
    before, after = (
        (lab[lips].mean((0, 1)) - lab[skin, 20:44].mean((0, 1)))
        for lab in (to_lab(pale), to_lab(matched))
    )
    assert np.linalg.norm(before[1:]) > 10
    np.testing.assert_allclose(after, before, atol=1.5)


def _with_patch(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    changed = picture.copy()
    changed[34:58, 12:52] = color
    return changed


@pytest.mark.parametrize("method", ["lab", "rct"])
@pytest.mark.parametrize("changed", ["target", "swapped"])
def test_what_is_not_skin_does_not_tint_the_face(method: str, changed: str) -> None:
    """Lips, or hair in front, change nothing where the regions are known."""
    skin = FULL.copy()
    skin[32:60, 10:54] = 0
    pictures = {"swapped": _face(1), "target": to_uint8(0.95 * _face(0))}
    results = []
    for color in ((190, 70, 80), (40, 30, 30)):
        shown = {**pictures, changed: _with_patch(pictures[changed], color)}
        covered = np.minimum(FULL, skin) if changed == "target" else FULL
        matched = transfer_color(method, shown["swapped"], shown["target"], covered, {}, skin)
        results.append(to_lab(matched)[:30])
    lightness = [result[..., 0] for result in results]
    np.testing.assert_allclose(*lightness, atol=0.5)
    np.testing.assert_allclose(*(result.mean((0, 1)) for result in results), atol=0.5)


@pytest.mark.parametrize("method", ["lab", "rct"])
@pytest.mark.parametrize("level", [0, 255])
def test_a_small_highlight_or_shadow_does_not_shift_the_colors(method: str, level: int) -> None:
    target = np.full((64, 64, 3), (170, 130, 105), np.uint8)
    spotted = target.copy()
    spotted[24:34, 24:40] = level
    matched, expected = (
        to_lab(transfer_color(method, _face(1), picture, FULL, {}))[50:].mean((0, 1))
        for picture in (spotted, target)
    )
    assert np.abs(to_lab(spotted).mean((0, 1)) - to_lab(target).mean((0, 1))).max() > 1.5
    np.testing.assert_allclose(matched, expected, atol=1.2)


@pytest.mark.parametrize("method", METHODS)
def test_a_saved_state_continues_with_the_same_bytes(method: str) -> None:
    swapped, target = pictures()
    states = TrackState(), TrackState()
    for frame in range(4):
        lit = to_uint8(target + np.linspace(0, 5.0 * frame, 64)[None, :, None])
        faces = [
            transfer_color(method, swapped, lit, FULL, state.of_track(0), FULL) for state in states
        ]
        states = states[0], TrackState.from_arrays(states[1].to_arrays())
        np.testing.assert_array_equal(faces[0], faces[1])
    assert len(states[0].of_track(0)) >= 3
