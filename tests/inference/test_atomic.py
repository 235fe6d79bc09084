"""A file or folder stands at its name only when it is whole."""

import errno
from pathlib import Path

import pytest

from faceloom.atomic import refuse_existing, replacing_directory, replacing_file
from faceloom.errors import PartlyDone, UsageError


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with replacing_file(tmp_path / "a.txt") as part:
        part.write_text("new")
        assert names(tmp_path) == {"a.txt.part"}
    assert names(tmp_path) == {"a.txt"}
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_directory_replaces_the_old_one_at_once(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with replacing_directory(tmp_path / "d") as part:
            (part / content).write_text(content)
    assert names(tmp_path) == {"d"}
    assert names(tmp_path / "d") == {"new"}


@pytest.mark.parametrize("replacing", [replacing_file, replacing_directory])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_one_and_nothing_else(tmp_path, replacing, error) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(error), replacing(tmp_path / "x") as part:
        (part / "y" if part.is_dir() else part).write_text("half")
        raise error
    assert names(tmp_path) == {"x"}
    assert (tmp_path / "x").read_text() == "old"


@pytest.mark.parametrize(("number", "word"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "may not be written")])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, number, word) -> None:
    with pytest.raises(PartlyDone, match=word), replacing_file(tmp_path / "x") as part:
        part.write_text("half")
        raise OSError(number, "from the system")
    assert not names(tmp_path)


def test_what_exists_is_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("old")
    with pytest.raises(UsageError, match="--force"):
        refuse_existing(tmp_path / "x", force=False)
    refuse_existing(tmp_path / "x", force=True)
    refuse_existing(tmp_path / "other", force=False)
