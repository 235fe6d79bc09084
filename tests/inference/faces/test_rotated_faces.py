"""Heads on their side and upside down give the same faces as upright ones."""

from pathlib import Path

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.faces.detect import Detections, open_detector
from faceloom.faces.landmarks import FaceMesh
from faceloom.faces.rotated_faces import RotatedFaceDetector, looks_rotated, rotate_back
from faceloom.video import read_frames

TURNS = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def upright(sample: Path) -> list[np.ndarray]:
    """Three frames, made wider than high, so that swapped width and height are noticed."""
    frames = [
        frame.rgb for frame in read_frames(sample / "target_ben.mp4") if frame.index % 30 == 0
    ]
    return [np.pad(frame, ((0, 0), (25, 60), (0, 0)), mode="edge") for frame in frames]


def lying(points_xy: np.ndarray, quarters: int, width: int, height: int) -> np.ndarray:
    """Where np.rot90 puts the pixels of a picture, one quarter at a time."""
    for _ in range(quarters):
        points_xy = np.stack([points_xy[..., 1], width - 1 - points_xy[..., 0]], -1)
        width, height = height, width
    return points_xy


@pytest.mark.parametrize("quarters", TURNS)
@pytest.mark.parametrize("name", ["retinaface", "yunet"])
def test_a_turned_picture_gives_the_same_points(
    name: str, quarters: int, upright: list[np.ndarray]
) -> None:
    detector = open_detector(name)
    height, width = upright[0].shape[:2]
    turned = [np.ascontiguousarray(np.rot90(picture, quarters)) for picture in upright]
    for there, here in zip(
        RotatedFaceDetector(detector).detect(turned), detector.detect(upright), strict=True
    ):
        np.testing.assert_allclose(there.scores, here.scores, atol=1e-3)
        np.testing.assert_allclose(
            there.points_xy, lying(here.points_xy, quarters, width, height), atol=0.05
        )
        assert (there.boxes_xyxy[:, :2] < there.boxes_xyxy[:, 2:]).all()
        corners = np.sort(lying(here.boxes_xyxy.reshape(-1, 2, 2), quarters, width, height), axis=1)
        np.testing.assert_allclose(there.boxes_xyxy, corners.reshape(-1, 4), atol=0.05)


@pytest.mark.parametrize("quarters", TURNS)
def test_mapping_back_undoes_the_turn(quarters: int) -> None:
    picture = np.zeros((5, 9), np.uint8)
    picture[1, 7] = 1
    y, x = np.argwhere(np.rot90(picture, quarters))[0]
    found = Detections(
        float32([[x, y, x, y]]), float32([1]), np.broadcast_to(float32([x, y]), (1, 5, 2))
    )
    back = rotate_back(found, quarters, width=9, height=5)
    assert back.boxes_xyxy.tolist() == [[7, 1, 7, 1]]
    assert back.points_xy.tolist() == [[[7, 1]] * 5]


# On its side a head is not always doubted: sometimes the detector's points are right there.
@pytest.mark.parametrize("quarters", [0, 2])
def test_a_head_upside_down_is_told_from_an_upright_one(
    quarters: int, upright: list[np.ndarray]
) -> None:
    turned = [np.ascontiguousarray(np.rot90(picture, quarters)) for picture in upright]
    found, mesh = open_detector().detect(turned), FaceMesh()
    doubted = [
        looks_rotated(
            f.points_xy[0], mesh.find(p, f.boxes_xyxy[0], f.points_xy[0]).five_points_xy()
        )
        for p, f in zip(turned, found, strict=True)
    ]
    assert doubted == [quarters > 0] * len(upright)


class Scripted:
    """A detector that gives prepared answers, one a look."""

    def __init__(self, *scores: float | None):
        self.looks: list[tuple[int, ...]] = []
        self._scores = iter(scores)

    def detect(self, pictures: list[np.ndarray]) -> list[Detections]:
        self.looks.append(pictures[0].shape)
        score = next(self._scores)
        if score is None:
            return [Detections.empty()]
        return [
            Detections(float32([[1, 2, 3, 4]]), float32([score]), np.zeros((1, 5, 2), np.float32))
        ]


@pytest.mark.parametrize(
    ("judged", "looked_at"),
    [
        ((0.9, 0.8, 0.9, 0.8), (20, 30, 3)),  # equal: as it stands
        ((None, None, None, None), (20, 30, 3)),
        ((None, 0.65, None, None), (20, 30, 3)),  # not sure enough to turn it
        ((0.7, 0.75, None, None), (30, 20, 3)),
    ],
)
def test_the_judge_decides_the_turn(
    judged: tuple[float | None, ...], looked_at: tuple[int, ...]
) -> None:
    detector = Scripted(0.5)
    found = RotatedFaceDetector(detector, Scripted(*judged)).detect(
        [np.zeros((20, 30, 3), np.uint8)]
    )
    assert detector.looks == [looked_at]
    assert found[0].scores.tolist() == [0.5]


def test_a_face_that_only_the_judge_sees_is_returned() -> None:
    found = RotatedFaceDetector(Scripted(None), Scripted(None, None, 0.9, None)).detect(
        [np.zeros((20, 30, 3), np.uint8)]
    )
    assert found[0].boxes_xyxy.tolist() == [[26, 15, 28, 17]]


def test_nothing_is_found_in_nothing() -> None:
    detector = RotatedFaceDetector(open_detector())
    assert detector.detect([]) == []
    assert len(detector.detect([np.full((90, 120, 3), 90, np.uint8)])[0]) == 0
