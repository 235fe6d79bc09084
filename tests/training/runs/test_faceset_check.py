"""Face sets are checked before a run is created."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.helpers.facesets import changed, good_faces, write_faceset

from faceloom.errors import UsageError
from faceloom_train.runs.faceset_check import check_face_sets

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Face sets by name: 60 faces of two people, 10 and one of another, copies of one face."""
    folder = tmp_path_factory.mktemp("sets")
    people = {
        "ada": good_faces(60, person=0),
        "faces_ben": good_faces(60, person=1),
        "ten": good_faces(10, person=2),
        "one": good_faces(1, person=3),
        "copies": changed(
            good_faces(60, person=4), hash="0" * 16, yaw=0, pitch=0, mouth_open=0, eyes_open=0.25
        ),
        "twin": good_faces(60, person=0),
    }
    for name, faces in people.items():
        write_faceset(folder / name, faces, name)
    return {name: folder / name for name in people}


@pytest.mark.parametrize(
    ("faces", "warnings"),
    [
        ({"ada": "ada", "ben": "faces_ben"}, []),
        ({"Ada": "ada", "ten": "ten"}, ["has 10 different faces of ten (of 10); with fewer than"]),
        ({"ada": "ada", "one": "one"}, ["has one face: the network can only learn this one"]),
        ({"ada": "ada", "copies": "copies"}, ["has 1 different faces of copies (of 60)"]),
        ({"ada": "ada", "twin": "twin"}, ["ada and twin look like the same person"]),
    ],
)
def test_sets_that_give_a_poor_swap_are_named(
    sets: Mapping[str, Path], faces: Mapping[str, str], warnings: list[str]
) -> None:
    found = check_face_sets({name: sets[folder] for name, folder in faces.items()})
    assert len(found) == len(warnings)
    assert all(words in warning for words, warning in zip(warnings, found, strict=True))


STILL = {"hash": "0" * 16, "yaw": 0.0, "pitch": 0.0, "mouth_open": 0.0, "eyes_open": 0.25}


@pytest.mark.parametrize(
    ("step", "values", "advice"),
    [(1, {}, ""), (6, {}, "again with --every 3."), (6, STILL, "")],
    ids=["every frame is used", "more frames", "a still scene"],
)
def test_more_frames_are_advised_only_where_there_are_other_ones(
    sets: Mapping[str, Path], tmp_path: Path, step: int, values: dict[str, object], advice: str
) -> None:
    faces = [replace(face, file=0, number=step * n) for n, face in enumerate(good_faces(12, 2))]
    write_faceset(tmp_path / "few", changed(faces, **values), "few")
    (warning,) = check_face_sets({"ada": sets["ada"], "few": tmp_path / "few"})
    assert ("--every" in warning, advice in warning) == (bool(advice), True)


@pytest.mark.parametrize(
    "faces",
    [{"ben": "ada", "ada": "faces_ben"}, {"cy": "ada", "faces_ben": "faces_ben"}],
    ids=["crossed", "one wrong name"],
)
def test_a_name_that_its_face_set_does_not_have_is_refused(
    sets: Mapping[str, Path], faces: Mapping[str, str]
) -> None:
    paths = {name: sets[folder] for name, folder in faces.items()}
    with pytest.raises(UsageError, match="this face set is of ada, not of"):
        check_face_sets(paths)
    assert check_face_sets(paths, rename=True) == []


def test_a_name_that_no_person_can_have_is_refused(sets: Mapping[str, Path]) -> None:
    with pytest.raises(UsageError, match="'b/n' cannot be a person's name"):
        check_face_sets({"b/n": sets["ada"], "faces_ben": sets["faces_ben"]}, rename=True)
