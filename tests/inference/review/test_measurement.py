"""Faces, lighting, closed eyes and the people in a target are measured correctly."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.clips import make_clip

from faceloom.array_types import float32
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.review import FaceSetStatistics, measure_faceset
from faceloom.review.lighting import measure_lighting
from faceloom.review.statistics import FaceTable
from faceloom.review.target_measurement import matching_faceset, measure_target
from faceloom.video import read_frames


def test_a_table_may_be_empty() -> None:
    assert len(FaceTable.from_faces([], [], [], [], [])) == 0


@pytest.mark.parametrize("normal", [0.2, 0.33])
def test_eyes_are_closed_relative_to_the_person_s_normal_opening(
    ada: FaceSetStatistics, normal: float
) -> None:
    """Narrow eyes of one person are open, wide ones of another closed; a profile's are unknown."""
    eyes_open = float32([normal] * 8 + [0.4 * normal] * 4 + [0.6 * normal] * 4)
    yaw = float32([0] * 10 + [50, -50] + [0] * 4)
    table = replace(ada.table, eyes_open=eyes_open, yaw=yaw)
    assert np.flatnonzero(table.has_closed_eyes()).tolist() == [8, 9]
    assert table.relative_eye_opening()[[0, 8]] == pytest.approx([1, 0.4])


@pytest.mark.long
def test_closed_eyes_are_those_of_the_ground_truth(sample: Path, ada: FaceSetStatistics) -> None:
    truth = np.load(sample / "target_ada.npz")
    controls = json.loads(str(truth["meta"]))["controls"]
    blinks = [controls.index("blinkL"), controls.index("blinkR")]
    closed = truth["expr"][:, 0, blinks].mean(1)
    (person,) = run_to_completion(measure_target(sample / "target_ada.mp4", 1, (ada,))).people
    assert len(person.table) == len(closed)
    found = person.table.has_closed_eyes()
    assert found.any()
    assert found[closed > 0.7].all()
    assert not found[closed < 0.3].any()


def test_lighting_is_measured_from_the_side_it_comes_from() -> None:
    ramp = np.linspace(80, 200, 96)
    mask = np.full((96, 96), 255, np.uint8)
    right = np.broadcast_to(ramp[None, :, None], (96, 96, 3)).astype(np.uint8)
    below = np.ascontiguousarray(right.transpose(1, 0, 2))
    for picture, x, y in ((right, 1, 0), (right[:, ::-1].copy(), -1, 0), (below, 0, 1)):
        lighting = measure_lighting(picture, mask)
        gradient = [round(lighting.gradient_x, 2), round(lighting.gradient_y, 2)]
        assert np.sign(gradient).tolist() == [x, y]
    assert measure_lighting(right, np.zeros_like(mask)).lab == (0, 0, 0)


def test_a_person_matches_only_a_similar_face_set(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    assert matching_faceset(ada.center, (ben, ada)) == "ada"
    assert matching_faceset(float32(np.eye(192)[9]), (ben, ada)) == ""


def test_the_people_in_a_target_are_distinguished(
    tmp_path: Path, sample: Path, ada: FaceSetStatistics, facesets: dict[str, Path]
) -> None:
    """Two clips side by side; only ben has a face set (the other one holds painted faces)."""
    clips = [
        [frame.rgb for frame in read_frames(sample / f"target_{name}.mp4", every=6)][:6]
        for name in ("ada", "ben")
    ]
    pairs = [np.concatenate(pictures, 1) for pictures in zip(*clips, strict=True)]
    path = make_clip(tmp_path / "pair.mp4", pairs)
    ben = replace(run_to_completion(measure_faceset(FaceSet.read(facesets["ben"]))), name="ben")
    target = run_to_completion(measure_target(path, 1, (ada, ben)))
    known = next(person for person in target.people if person.matches)
    unknown = next(person for person in target.people if not person.matches)
    assert len(target.people) == 2
    assert (known.name, known.matches, len(known.table)) == ("ben in pair.mp4", "ben", 6)
    assert (unknown.name, len(unknown.table)) == (f"{unknown.label} of pair.mp4", 6)
    assert (target.frames, target.frames_with_several_faces, target.frames_without_face) == (
        6,
        6,
        0,
    )
