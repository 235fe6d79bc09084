"""Faces are rejected by name and restored; other names are refused."""

from pathlib import Path

import pytest
from tests.helpers.facesets import good_faces, write_faceset

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.faceset.curate import undo_curate
from faceloom.studio.faces.face_rows import crop_name
from faceloom.studio.faces.rejections import reject_faces


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_faceset(tmp_path / "ada", good_faces(12))
    return tmp_path / "ada"


def names(folder: Path) -> list[str]:
    return [crop_name(row.image) for row in FaceSet.read(folder).rows]


def test_rejections_are_undone_one_by_one(folder: Path) -> None:
    before = names(folder)
    assert reject_faces(folder, before[:2]).moved == 2
    assert reject_faces(folder, before[5:6]).moved == 1
    assert names(folder) == [*before[2:5], *before[6:]]
    assert undo_curate(folder).moved == 1
    assert names(folder) == before[2:]
    assert undo_curate(folder).moved == 2
    assert names(folder) == before
    with pytest.raises(UsageError, match="no dropped faces"):
        undo_curate(folder)


@pytest.mark.parametrize(
    ("name", "sentence"), [("../crops/000", "not the name of a face"), ("nobody", "has no face")]
)
def test_unknown_faces_are_refused(folder: Path, name: str, sentence: str) -> None:
    before = names(folder)
    with pytest.raises(UsageError, match=sentence):
        reject_faces(folder, [before[0], name])
    assert names(folder) == before
