"""Which project a start without a folder opens."""

import os
from pathlib import Path

import pytest

from faceloom.errors import UsageError
from faceloom.studio.known_projects import list_projects, remember
from faceloom.studio.start_project import start_project
from faceloom.studio.studio_project import ItemKind, StudioProject


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "data/faceloom"


def test_the_first_start_opens_the_demo(tmp_path: Path) -> None:
    folder = start_project()
    assert folder == tmp_path / "faceloom-demo"
    assert len(StudioProject.open(folder).items(ItemKind.CLIP)) == 3
    assert start_project() == folder


def test_later_starts_open_the_last_project(tmp_path: Path, data: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for age, folder in enumerate(folders):
        StudioProject.open(folder)
        remember(folder)
        newest = max((data / "studio-projects").iterdir(), key=lambda path: path.stat().st_ctime_ns)
        os.utime(newest, (age, age))
    assert list(list_projects()) == folders[::-1]
    remember(folders[0])
    assert start_project() == folders[0]
    (folders[0] / "studio.json").unlink()
    assert start_project() == folders[2]


def test_a_folder_with_other_files_does_not_become_the_demo(tmp_path: Path) -> None:
    (tmp_path / "faceloom-demo").mkdir()
    (tmp_path / "faceloom-demo/file").touch()
    with pytest.raises(UsageError, match="contains other files"):
        start_project()


def test_a_user_without_a_home_folder_names_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(UsageError, match="faceloom studio DIR"):
        start_project()


def test_the_demo_folder_is_not_filled_twice() -> None:
    folder = start_project()
    project = StudioProject.open(folder)
    for item in project.items(ItemKind.CLIP)[1:]:
        project.remove_path(item)
    start_project()
    assert len(StudioProject.open(folder).items(ItemKind.CLIP)) == 1
