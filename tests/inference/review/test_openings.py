"""The eyes and the mouth of a face set are read from its pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceloom.array_types import float32
from faceloom.faces.expression import FaceExpression
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.review import faceset_measurement, measure_faceset
from faceloom.review.openings import Opening, measure_openings


@pytest.fixture(scope="module")
def faces(facesets: dict[str, Path]) -> FaceSet:
    """Some faces of ada, three of them read."""
    found = FaceSet.read(facesets["ada"])
    return replace(found, rows=found.rows[:6])


def test_faces_of_a_face_set_are_read(faces: FaceSet) -> None:
    progress, openings = [], []
    steps = measure_openings(faces, faces.rows[::2])
    while True:
        try:
            progress.append(next(steps))
        except StopIteration as end:
            openings = end.value
            break
    assert [step.done for step in progress] == [1, 2, 3]
    for row, opening in zip(faces.rows[::2], openings, strict=True):
        assert opening.mouth == pytest.approx(row.quality.mouth_open, abs=0.2)
        assert 0.1 < opening.eyes < 0.5
        assert opening.eyes != row.quality.eyes_open


def test_faces_that_are_not_read_count_as_the_one_before(
    faces: FaceSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faceset_measurement, "_MAX_READ", 3)
    table = run_to_completion(measure_faceset(faces)).table
    assert len(table.eyes_open) == len(table.mouth_open) == 6
    assert np.array_equal(table.eyes_open[::2], table.eyes_open[1::2])
    assert len(set(table.mouth_open.tolist())) == 3


@pytest.mark.parametrize(("score", "eyes"), [(0.9, 0.3), (0.1, 0.12)])
def test_the_mesh_counts_where_no_expression_is_read(
    faces: FaceSet, score: float, eyes: float
) -> None:
    weights, gaze = np.zeros(52, np.float32), np.zeros((2, 2), np.float32)
    points = np.zeros((478, 3), np.float32)
    expression = FaceExpression(points, float32([0.2, 0.4]), gaze, 0.5, weights, score)
    quality = faces.rows[0].quality.model_copy(update={"eyes_open": 0.12})
    assert Opening.of(expression, quality).eyes == pytest.approx(eyes)
