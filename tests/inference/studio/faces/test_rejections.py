"""Faces are rejected by name and restored; other names are refused."""

from pathlib import Path

import pytest
from tests.helpers.facesets import good_faces, write_faceset

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.faceset.curate import undo_curate
from faceloom.studio.faces.face_rows import crop_name
from faceloom.studio.faces.rejections import crop_path, reject_faces

BAD_NAMES = [
    "",
    "..",
    "../crops/000_000000_0",
    "000_000000_0.jpg",
    "/etc/passwd",
    "a\0b",
    "a" * 101,
]


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


@pytest.mark.parametrize("name", BAD_NAMES)
def test_what_is_no_name_is_refused(folder: Path, name: str) -> None:
    before = names(folder)
    with pytest.raises(UsageError, match="not the name of a face"):
        reject_faces(folder, [before[0], name])
    with pytest.raises(UsageError, match="not the name of a face"):
        crop_path(folder, name)
    assert names(folder) == before


def test_unknown_faces_are_refused(folder: Path) -> None:
    before = names(folder)
    with pytest.raises(UsageError, match="has no face"):
        reject_faces(folder, [before[0], "nobody"])
    with pytest.raises(UsageError, match="has no face 'nobody'"):
        crop_path(folder, "nobody")
    (folder / "crops/link.jpg").symlink_to(folder / "faceset.json")
    with pytest.raises(UsageError, match="has no face 'link'"):
        crop_path(folder, "link")
    (folder / "crops/link.jpg").unlink()
    assert names(folder) == before


def test_the_crop_of_a_face_is_found(folder: Path) -> None:
    assert crop_path(folder, names(folder)[3]).read_bytes().startswith(b"\xff\xd8")
