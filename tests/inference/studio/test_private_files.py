"""Scans and edits of removed items are removed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.facesets import good_faces, write_faceset
from tests.helpers.studio.server import StudioServer

from faceloom.studio.private_files import edits_folder, remove_files_of_removed_items, scan_path
from faceloom.studio.studio import open_studio
from faceloom.studio.studio_project import Item, ItemKind, StudioProject


def keep_files(project: Path, clip: str, faces: str) -> tuple[Path, Path]:
    """Write a scan of a clip and an edit of a face set; return their paths."""
    scan, edit = scan_path(project, clip), edits_folder(project) / faces / "00000001.json"
    for path in (scan, edit):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return scan, edit


@pytest.fixture
def items(tmp_path: Path) -> tuple[Item, Item]:
    """A clip and a face set from elsewhere, in the project `project`."""
    project = StudioProject.open(tmp_path / "project")
    write_faceset(tmp_path / "ada", good_faces(3), "ada")
    clip = project.open_path(make_clip(tmp_path / "clip.mp4", wave_images(2)))
    return clip, project.open_path(tmp_path / "ada")


@pytest.mark.parametrize("is_removed", [False, True])
def test_files_of_removed_items_end_as_the_project_opens(
    tmp_path: Path, items: tuple[Item, Item], is_removed: bool
) -> None:
    folder = tmp_path / "project"
    kept = keep_files(folder, *(item.id for item in items))
    for item in items:
        # The disk of a listed item may be absent.
        item.path.rename(item.path.with_name("elsewhere-" + item.path.name))
        if is_removed:
            StudioProject.open(folder).remove_path(item)
    with open_studio(folder, ()):
        assert [path.exists() for path in kept] == [not is_removed] * 2


def test_removing_an_item_removes_its_files(server: StudioServer, tmp_path: Path) -> None:
    project = server.studio.project
    clip = project.open_path(make_clip(tmp_path / "footage/clip.mp4", wave_images(2)))
    other = project.open_path(make_clip(tmp_path / "footage/other.mp4", wave_images(2)))
    scan, _ = keep_files(project.folder, clip.id, "")
    other_scan, _ = keep_files(project.folder, other.id, "")
    assert server.post("/remove", kind=ItemKind.CLIP, id=clip.id).status == 200
    assert (scan.exists(), other_scan.exists()) == (False, True)


def test_files_that_cannot_be_listed_stay(
    tmp_path: Path, items: tuple[Item, Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    kept = keep_files(folder, "0" * 12, "1" * 12)

    def denied(_: Path) -> Iterator[Path]:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", denied)
        remove_files_of_removed_items(StudioProject.open(folder))
    assert [path.exists() for path in kept] == [True, True]


def test_files_of_an_item_that_is_added_meanwhile_stay(
    tmp_path: Path, items: tuple[Item, Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = StudioProject.open(tmp_path / "project")
    clip, faces = items
    for item in items:
        project.remove_path(item)
    listed_ids = StudioProject.listed_ids
    kept: tuple[Path, ...] = ()

    def list_and_add(project: StudioProject, kind: ItemKind) -> frozenset[str]:
        nonlocal kept
        listed = listed_ids(project, kind)
        if not kept:
            for item in items:
                project.open_path(item.path)
            kept = keep_files(project.folder, clip.id, faces.id)
        return listed

    (edits_folder(project.folder) / "0").mkdir(parents=True)
    scan_path(project.folder, "0").parent.mkdir()
    monkeypatch.setattr(StudioProject, "listed_ids", list_and_add)
    remove_files_of_removed_items(project)
    assert [path.exists() for path in kept] == [True, True]


@pytest.mark.parametrize("link", ["", "edits"])
def test_what_a_symbolic_link_leads_to_stays(tmp_path: Path, link: str) -> None:
    project = StudioProject.open(tmp_path / "project")
    elsewhere = tmp_path / "elsewhere"
    inside = elsewhere / "0123456789ab" if link else elsewhere / "edits" / "0123456789ab"
    inside.mkdir(parents=True)
    place = project.folder / ".studio" / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(elsewhere, target_is_directory=True)
    remove_files_of_removed_items(project)
    assert inside.exists()
