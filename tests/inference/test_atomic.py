"""A file or folder stands at its name only when it is whole."""

import errno
from contextlib import nullcontext
from pathlib import Path

import pytest

from faceloom.atomic import (
    atomic_directory,
    atomic_file,
    check_disk_space,
    check_output_directory,
    check_output_file,
    write_text,
)
from faceloom.errors import PartlyDone, UsageError


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.txt") as part:
        part.write_text("new")
        assert names(tmp_path) == {".a.txt.part"}
    assert names(tmp_path) == {"a.txt"}
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_directory_replaces_the_old_one_at_once(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with atomic_directory(tmp_path / "d") as part:
            (part / content).write_text(content)
    assert names(tmp_path) == {"d"}
    assert names(tmp_path / "d") == {"new"}


@pytest.mark.parametrize("replacing", [atomic_file, atomic_directory])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_one_and_nothing_else(tmp_path, replacing, error) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(error), replacing(tmp_path / "x") as part:
        (part / "y" if part.is_dir() else part).write_text("half")
        raise error
    assert names(tmp_path) == {"x"}
    assert (tmp_path / "x").read_text() == "old"


def test_names_are_flushed_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power failure, a file that follows another one never exists without it."""
    flushed: list[tuple[str, set[str]]] = []

    def flush(path: Path) -> None:
        is_folder = path.is_dir() and path != tmp_path
        flushed.append((path.name, names(path) if is_folder else set()))

    monkeypatch.setattr("faceloom.atomic.flush_to_disk", flush)
    monkeypatch.setattr("faceloom.atomic.flush_names", flush)
    write_text(tmp_path / "new" / "a", "a")
    assert flushed == [(tmp_path.name, set()), (".a.part", set()), ("new", {"a"})]
    flushed.clear()
    with atomic_directory(tmp_path / "new" / "b") as part:
        (part / "c").write_text("c")
    assert flushed == [
        ("new", {"a", ".b.part"}),
        ("c", set()),
        (".b.part", {"c"}),
        ("new", {"a", "b"}),
    ]


def test_what_is_someone_else_s_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "x.part").write_text("mine")
    with atomic_file(tmp_path / "x") as part:
        part.write_text("new")
    assert (tmp_path / "x.part").read_text() == "mine"


@pytest.mark.parametrize(
    ("number", "kind", "word"),
    [
        (errno.ENOSPC, PartlyDone, "disk is full"),
        (errno.EACCES, UsageError, "from the system.*another path"),
    ],
)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, number, kind, word) -> None:
    with pytest.raises(kind, match=word), atomic_file(tmp_path / "x") as part:
        part.write_text("half")
        raise OSError(number, "from the system")
    assert not names(tmp_path)


@pytest.fixture
def things(tmp_path: Path) -> Path:
    """A file, a folder of one kind, a folder of other things, an empty folder."""
    for name, file in (("kind", "marker.json"), ("other", "diary.txt")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "force", "words"),
    [
        ("new", False, None),
        ("file", False, "--force"),
        ("file", True, None),
        ("kind", True, "is a folder"),
        ("", True, "no file name"),
    ],
)
def test_which_file_may_be_written(things: Path, name: str, force: bool, words: str | None) -> None:
    path = things / name if name else Path()
    with pytest.raises(UsageError, match=words) if words else nullcontext():
        check_output_file(path, force=force)


def test_the_input_is_never_written_over(things: Path) -> None:
    (things / "link").symlink_to(things / "file")
    for path in ("file", "link"):
        with pytest.raises(UsageError, match="is the input itself"):
            check_output_file(things / path, force=True, inputs=[things / "file"])


def test_a_file_of_an_input_folder_is_never_written_over(things: Path) -> None:
    with pytest.raises(UsageError, match="is a file of the input"):
        check_output_file(things / "file", force=True, inputs=[things / "none", things])


@pytest.mark.parametrize(
    ("name", "force", "words"),
    [
        ("new", False, None),
        ("kind", False, "--force"),
        ("kind", True, None),
        ("empty", True, None),
        ("other", True, "contains other files"),
        ("file", True, "is a file"),
    ],
)
def test_which_folder_may_be_replaced(
    things: Path, name: str, force: bool, words: str | None
) -> None:
    with pytest.raises(UsageError, match=words) if words else nullcontext():
        check_output_directory(things / name, "marker.json", force=force)


def test_a_folder_is_not_replaced_by_what_is_made_of_it(things: Path) -> None:
    with pytest.raises(UsageError, match="contains the input"):
        check_output_directory(
            things / "kind", "marker.json", force=True, inputs=[things / "kind" / "marker.json"]
        )


def test_a_disk_that_is_too_full_is_noticed_beforehand(tmp_path: Path) -> None:
    check_disk_space(tmp_path, 1)
    with pytest.raises(PartlyDone, match="MB free"):
        check_disk_space(tmp_path, 10**18)


@pytest.mark.parametrize("length", [1, 243, 249, 250, 255])
@pytest.mark.parametrize("letter", ["a", "é"])
def test_a_name_of_any_length_is_written(tmp_path: Path, length: int, letter: str) -> None:
    name = (letter * length).encode()[: max(2, length)].decode(errors="ignore")
    check_output_file(tmp_path / name, force=False)
    # A nested write, as of marks in a part.
    with atomic_file(tmp_path / name) as part, atomic_file(part) as inner:
        inner.write_text("new")
    assert names(tmp_path) == {name}
    for content in ("old", "new"):
        with atomic_directory(tmp_path / f"{name[:-1]}d") as folder:
            (folder / content).write_text(content)
    assert len(names(tmp_path)) == 2


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has more than 255 bytes"):
        check_output_file(tmp_path / ("a" * 256), force=False)
