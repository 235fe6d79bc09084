"""A face keeps its track number while it is detected."""

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.faces.tracker import Tracker, box_iou

A, B = (0, 0, 10, 10), (50, 0, 60, 10)
A_MOVED = (2, 1, 12, 11)

CASES = {
    "one face that moves": ([[A], [A_MOVED]], [[0], [0]]),
    "two faces that change places in the list": ([[A, B], [B, A_MOVED]], [[0, 1], [1, 0]]),
    "a face that comes back in time": ([[A], [], [], [A]], [[0], [], [], [0]]),
    "a face that comes back too late": ([[A], *[[]] * 6, [A]], [[0], *[[]] * 6, [1]]),
    "a new face": ([[A], [A, B]], [[0], [0, 1]]),
    "a face far away is another": ([[A], [B]], [[0], [1]]),
    "no face": ([[], []], [[], []]),
}


def boxes(rows: list[tuple[int, ...]]) -> np.ndarray:
    return float32(rows).reshape(-1, 4)


@pytest.mark.parametrize("name", CASES)
def test_tracks(name: str) -> None:
    frames, expected = CASES[name]
    tracker = Tracker(min_overlap=0.3, max_missed=5)
    assert [tracker.update(boxes(frame)) for frame in frames] == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(A, A, 1.0), (A, B, 0.0), (A, (5, 0, 15, 10), 1 / 3), (A, (0, 0, 10, 5), 0.5)],
)
def test_overlaps(a, b, expected: float) -> None:
    np.testing.assert_allclose(box_iou(boxes([a]), boxes([b])), [[expected]])


def test_overlaps_of_nothing() -> None:
    assert box_iou(boxes([]), boxes([A])).shape == (0, 1)
