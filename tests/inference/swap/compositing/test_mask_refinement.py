"""The smoothed mask follows a hand at once, and its edge does not flicker."""

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.faces.landmarks import CHIN, FOREHEAD
from faceloom.faces.mask import mesh_mask
from faceloom.swap.compositing.mask_refinement import close_gaps, smooth_mask

SIZE = 64


def block(first: int, last: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[:, first:last] = 255
    return mask


def test_a_flickering_edge_is_smoothed() -> None:
    random = np.random.default_rng(0)
    state: dict = {}
    edges, smoothed = [], []
    for _ in range(60):
        mask = block(0, 30)
        mask[:, 30] = random.integers(90, 160)
        edges.append(mask[0, 30])
        smoothed.append(smooth_mask(mask, "mask", state)[0, 30])
    assert (
        np.diff(np.array(smoothed[10:], float)).std()
        < 0.6 * np.diff(np.array(edges[10:], float)).std()
    )


def test_a_passing_hand_changes_the_mask_without_delay() -> None:
    state: dict = {}
    for first in (30, 40, 50):
        mask = block(0, 60)
        mask[20:40, first : first + 8] = 0
        np.testing.assert_array_equal(smooth_mask(mask, "mask", state), mask)


def test_the_forehead_extends_by_a_share_of_the_face_s_height() -> None:
    random = np.random.default_rng(0)
    mesh = float32(random.uniform(60, 140, (468, 2)))
    mesh[FOREHEAD], mesh[CHIN] = (100, 50), (100, 150)
    tops = [np.nonzero(mesh_mask(mesh, 200, 200, share).any(1))[0][0] for share in (0.0, 0.08, 0.3)]
    np.testing.assert_allclose(tops, [50, 42, 20], atol=1)


@pytest.mark.parametrize(("width", "filled"), [(2, True), (8, False)], ids=["a crease", "a lock"])
def test_narrow_gaps_are_closed(width: int, *, filled: bool) -> None:
    mask = block(8, 56)
    mask[20:44, 30 : 30 + width] = 0
    closed = close_gaps(mask, 0.07)
    assert (closed[32, 30 : 30 + width] == 255).all() == filled
    np.testing.assert_array_equal(closed[:, :8], mask[:, :8])
