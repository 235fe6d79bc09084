"""Where the new face is shown: both masks agree, hands stay in front, edges do not shimmer."""

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.faces.landmarks import CHIN, FOREHEAD
from faceloom.faces.mask import mesh_mask
from faceloom.swap.compositing.mask_refinement import covering, steadied

SIZE = 64


def block(first: int, last: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[:, first:last] = 255
    return mask


@pytest.mark.parametrize(
    ("how", "expected"), [("learned", (10, 40)), ("mesh", (20, 50)), ("both", (20, 40))]
)
def test_which_mask_covers(how: str, expected: tuple[int, int]) -> None:
    np.testing.assert_array_equal(covering(how, block(10, 40), block(20, 50)), block(*expected))


def test_an_edge_that_trembles_is_steadied() -> None:
    random = np.random.default_rng(0)
    notes: dict = {}
    edges, steady = [], []
    for _ in range(60):
        mask = block(0, 30)
        mask[:, 30] = random.integers(90, 160)
        edges.append(mask[0, 30])
        steady.append(steadied(mask, notes)[0, 30])
    assert (
        np.diff(np.array(steady[10:], float)).std()
        < 0.6 * np.diff(np.array(edges[10:], float)).std()
    )


def test_a_hand_is_in_front_at_once_and_gone_at_once() -> None:
    notes: dict = {}
    for first in (30, 40, 50):
        mask = block(0, 60)
        mask[20:40, first : first + 8] = 0
        np.testing.assert_array_equal(steadied(mask, notes), mask)


def test_the_forehead_is_raised_by_shares_of_the_face() -> None:
    random = np.random.default_rng(0)
    mesh = float32(random.uniform(60, 140, (468, 2)))
    mesh[FOREHEAD], mesh[CHIN] = (100, 50), (100, 150)
    tops = [np.nonzero(mesh_mask(mesh, 200, 200, share).any(1))[0][0] for share in (0.0, 0.08, 0.3)]
    np.testing.assert_allclose(tops, [50, 42, 20], atol=1)
