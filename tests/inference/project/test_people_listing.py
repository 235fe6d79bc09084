"""Portraits of the people in footage, to choose whose faces are extracted."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.clips import make_clip

from faceloom.errors import ArtifactRefused, NoFaceFound, UsageError
from faceloom.progress import run_to_completion
from faceloom.project.people_listing import PEOPLE_FILE, list_people, read_people
from faceloom.video import read_frames


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A clip of two people side by side."""
    frames = [list(read_frames(sample / f"train_{name}.mp4", every=18)) for name in ("ada", "ben")]
    pictures = [np.hstack([ada.rgb, ben.rgb]) for ada, ben in zip(*frames, strict=True)]
    return make_clip(tmp_path_factory.mktemp("clips") / "both.mp4", pictures)


def test_each_person_has_portraits(both: Path, tmp_path: Path) -> None:
    out = tmp_path / "people"
    found = run_to_completion(list_people([both], out))
    assert [(person.number, person.frames) for person in found.people] == [(1, 8), (2, 8)]
    names = {name for person in found.people for name in person.portraits}
    assert {path.name for path in out.iterdir()} == names | {PEOPLE_FILE, "people.png"}
    assert {cv2.imread(str(out / name)).shape for name in names} == {(320, 320, 3)}
    assert read_people(out).people == found.people
    assert str(out / "person-2.png") in found.to_text()

    with pytest.raises(UsageError, match="exists"):
        run_to_completion(list_people([both], out))
    (out / "person-1.png").unlink()
    run_to_completion(list_people([both], out, force=True))
    assert (out / "person-1.png").exists()


def test_footage_without_a_face_is_refused(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "wall.mp4", [np.full((120, 160, 3), 90, np.uint8)] * 3)
    with pytest.raises(NoFaceFound, match=r"No face was found in 3 frames of .*wall\.mp4"):
        run_to_completion(list_people([clip], tmp_path / "people"))
    assert list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize(
    "people",
    [
        "[]",
        '[{"number": 1, "frames": 3, "portraits": ["../../key.png"]}]',
        '[{"number": 1, "frames": 3, "portraits": []}]',
        '[{"number": 1, "frames": 3, "portraits": ["person-1.png"], "more": 1}]',
    ],
)
def test_a_damaged_list_is_refused(tmp_path: Path, people: str) -> None:
    text = f'{{"schema": 1, "faceloom_version": "1", "samples": 3, "people": {people}}}'
    (tmp_path / PEOPLE_FILE).write_text(text)
    with pytest.raises(ArtifactRefused, match=PEOPLE_FILE):
        read_people(tmp_path)
