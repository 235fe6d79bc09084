"""Which folders become projects."""

from pathlib import Path

import pytest

from faceloom.atomic import atomic_file
from faceloom.errors import UsageError
from faceloom.project.project_folder import PROJECT_FILE, Project


def test_a_swap_continues_that_was_killed_while_it_wrote_its_first_file(tmp_path: Path) -> None:
    folder = tmp_path / "swap.faceloom"
    with atomic_file(folder / PROJECT_FILE) as part:
        part.write_text("{")
        assert Project.read(folder).folder == folder
        (folder / "other.txt").touch()
        with pytest.raises(UsageError, match="is not a project"):
            Project.read(folder)
