"""The crowd's pictures become crops like those of a face set."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.helpers.crowd import PICTURES, write_person
from tests.helpers.runs import tiny_config

from faceloom.array_types import float32
from faceloom.faces.landmarks import EYE_LEFT, EYE_RIGHT, MOUTH_LEFT, MOUTH_RIGHT, NOSE_TIP
from faceloom_train.crowd import PEOPLE_PER_GROUP, CrowdPerson, read_people

pytestmark = pytest.mark.training


def _drawn_mesh(score: float) -> SimpleNamespace:
    """The mesh of the drawn face: all landmarks on its outline but the five points."""
    angles = np.linspace(0, 2 * np.pi, 468, endpoint=False)
    points = float32(np.stack([48 + 22 * np.cos(angles), 52 + 30 * np.sin(angles)], 1))
    points[list(EYE_LEFT)], points[list(EYE_RIGHT)] = (36, 42), (60, 42)
    points[NOSE_TIP], points[MOUTH_LEFT], points[MOUTH_RIGHT] = (48, 54), (40, 66), (56, 66)
    five = points[[EYE_LEFT[0], EYE_RIGHT[0], NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT]]
    return SimpleNamespace(points_xy=points, score=score, five_points_xy=lambda: five)


@pytest.fixture
def person(tmp_path: Path) -> CrowdPerson:
    write_person(tmp_path, PEOPLE_PER_GROUP)
    return next(read_people(tmp_path, validation=False))


def test_hidden_faces_are_left_out_and_hands_are_not_visible_face(
    person: CrowdPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faceloom_train.pretraining import crowd_faces as module

    scores = iter([0.9, 0.1, 0.9])
    monkeypatch.setattr(module, "_find_mesh", lambda *_: _drawn_mesh(next(scores)))
    (own,) = module.align_people([person], tiny_config())
    assert own.performances.tolist() == [0, 2]
    assert own.group == 1
    np.testing.assert_allclose(own.expression, person.expression[[0, 2]])
    # The eyes, which the mesh has in one point, are as wide as the exact ones.
    eyes = own.faces.meshes[:, list(EYE_LEFT)]
    lips = own.faces.meshes[:, [MOUTH_LEFT, MOUTH_RIGHT]]
    widths = np.ptp(eyes[..., 0], axis=1) / np.ptp(lips[..., 0], axis=1)
    np.testing.assert_allclose(widths, 4 / 10, rtol=0.02)
    side = own.faces.crops.shape[1]
    visible, outline = own.faces.crops[..., 3], own.faces.crops[..., 4]
    assert visible[0, side // 2, side // 2] == 255
    # The hand of the last picture covers the face's left edge.
    hidden = (outline == 255) & (visible == 0)
    by_hand = hidden[1] & ~hidden[0]
    assert by_hand[:, : side // 2].any()
    assert not by_hand[:, side // 2 :].any()
    assert len(person.pictures) == PICTURES
