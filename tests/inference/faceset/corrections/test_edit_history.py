"""Corrections are written as edits that can be undone."""

from pathlib import Path
from typing import Any

import pytest
from tests.helpers.facesets import good_faces, write_faceset

from faceloom.errors import UsageError
from faceloom.faceset.corrections import edit_history
from faceloom.faceset.corrections.correction_files import CORRECTIONS_FOLDER
from faceloom.faceset.corrections.edit_history import EditHistory
from faceloom.output_lock import lock_output


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_faceset(tmp_path / "ada", good_faces(2))
    return tmp_path / "ada"


def contents(directory: Path) -> dict[str, bytes]:
    folder = directory / CORRECTIONS_FOLDER
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_every_edit_is_undone_and_made_again(directory: Path) -> None:
    folder, history = directory / CORRECTIONS_FOLDER, EditHistory(directory)
    edits = [
        {folder / "a.json": b"1"},
        {folder / "a.json": b"2", folder / "b.json": b"3"},
        {folder / "a.json": None, folder / "c.png": b"4"},
    ]
    states = [contents(directory)]
    for edit in edits:
        history.write(edit)
        states.append(contents(directory))
    assert states[-1] == {"b.json": b"3", "c.png": b"4"}
    for expected, names in zip(states[-2::-1], [("a", "c"), ("a", "b"), ("a",)], strict=True):
        assert history.undo() == names
        assert contents(directory) == expected
    assert not history.can_undo
    for expected in states[1:]:
        history.redo()
        assert contents(directory) == expected
    assert not history.can_redo


def test_a_new_edit_ends_redo_and_no_change_is_no_edit(directory: Path) -> None:
    path, history = directory / CORRECTIONS_FOLDER / "a.json", EditHistory(directory)
    history.write({path: b"1"})
    history.write({path: b"1"})
    history.undo()
    assert not history.can_undo
    history.write({path: b"2"})
    with pytest.raises(UsageError, match="no correction to redo"):
        history.redo()


def test_an_edit_is_not_undone_over_another_programs_change(directory: Path) -> None:
    folder, history = directory / CORRECTIONS_FOLDER, EditHistory(directory)
    history.write({folder / "b.json": b"older"})
    history.write({folder / "a.json": b"1"})
    (folder / "a.json").write_bytes(b"another")
    with pytest.raises(UsageError, match="Another program"):
        history.undo()
    assert contents(directory) == {"a.json": b"another", "b.json": b"older"}
    # The edits before it can still be undone.
    assert history.undo() == ("b",)
    assert contents(directory) == {"a.json": b"another"}


def test_edits_are_undone_and_redone_by_the_next_program(directory: Path, tmp_path: Path) -> None:
    folder, store = directory / CORRECTIONS_FOLDER, tmp_path / "edits"
    history, states = EditHistory(directory, store), [{}]
    edits = [
        {folder / "a.json": b"1"},
        {folder / "a.json": None, folder / "b.png": b"\x89\xff"},
        {folder / "b.png": b"3"},
    ]
    for edit in edits:
        history.write(edit)
        states.append(contents(directory))
    history.undo()
    for index in (1, 0):
        history = EditHistory(directory, store)
        history.undo()
        assert contents(directory) == states[index]
    assert not EditHistory(directory, store).can_undo
    for index in (1, 2, 3):
        EditHistory(directory, store).redo()
        assert contents(directory) == states[index]
    # A new edit ends redo on the disk too.
    history = EditHistory(directory, store)
    history.undo()
    history.write({folder / "c.json": b"4"})
    assert not EditHistory(directory, store).can_redo
    names = sorted(path.name for path in store.iterdir())
    assert names == ["00000001.json", "00000002.json", "00000004.json"]


def test_old_and_damaged_edits_are_forgotten(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_history, "_MAX_EDITS", 3)
    path, store = directory / CORRECTIONS_FOLDER / "a.json", tmp_path / "edits"
    history = EditHistory(directory, store)
    for content in b"12345":
        history.write({path: bytes([content])})
    names = sorted(each.name for each in store.iterdir())
    assert names == ["00000003.json", "00000004.json", "00000005.json"]
    outside = (store / "00000004.json").read_text().replace("a.json", "../../a.json")
    (store / "00000004.json").write_text(outside)
    again = EditHistory(directory, store)
    assert again.undo() == ("a",)
    assert contents(directory) == {"a.json": b"4"}
    assert not again.can_undo
    # An edit that is skipped is forgotten.
    path.write_bytes(b"other")
    with pytest.raises(UsageError, match="Another program"):
        EditHistory(directory, store).redo()
    assert not EditHistory(directory, store).can_redo


def test_an_edit_after_a_damaged_one_can_be_undone(directory: Path, tmp_path: Path) -> None:
    path, store = directory / CORRECTIONS_FOLDER / "a.json", tmp_path / "edits"
    history = EditHistory(directory, store)
    history.write({path: b"1"})
    history.write({path: b"2"})
    (store / "00000002.json").write_text("{")
    EditHistory(directory, store).write({path: b"3"})
    assert EditHistory(directory, store).undo() == ("a",)
    assert contents(directory) == {"a.json": b"2"}


def test_an_edit_succeeds_though_it_cannot_be_stored(directory: Path, tmp_path: Path) -> None:
    store = tmp_path / "edits"
    store.write_text("not a folder")
    history = EditHistory(directory, store)
    history.write({directory / CORRECTIONS_FOLDER / "a.json": b"1"})
    assert history.undo() == ("a",)


FAILURES = {
    "a file cannot be written": ("replace", b"new"),
    "a file cannot be deleted": ("unlink", None),
}


@pytest.mark.parametrize("name", FAILURES)
def test_an_edit_that_fails_midway_changes_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    method, content = FAILURES[name]
    folder, history = directory / CORRECTIONS_FOLDER, EditHistory(directory)
    history.write({folder / "a.json": b"1", folder / "z.json": b"2"})
    before, original = contents(directory), getattr(Path, method)

    def fail(path: Path, *args: Any, **options: Any) -> Any:
        if "z.json" in path.name:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, method, fail)
        edit = {folder / "a.json": b"3", folder / "b.json": b"4", folder / "z.json": content}
        with pytest.raises(UsageError, match=r"z\.json cannot be used"):
            history.write(edit)
        assert contents(directory) == before
        if content is None:
            with pytest.raises(UsageError, match=r"z\.json cannot be used"):
                history.undo()
            assert contents(directory) == before
    assert history.undo() == ("a", "z")


def test_a_face_set_that_is_written_is_not_edited(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_history, "_LOCK_SECONDS", 0.0)
    with lock_output(directory), pytest.raises(UsageError, match="being written"):
        EditHistory(directory).write({directory / CORRECTIONS_FOLDER / "a.json": b"1"})
    assert not contents(directory)
