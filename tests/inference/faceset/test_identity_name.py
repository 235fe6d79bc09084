"""Names of people: one rule for every command."""

from pathlib import Path

import pytest

from faceloom.errors import UsageError
from faceloom.faceset import ExtractOptions, extract
from faceloom.faceset.identity_name import check_identity_name
from faceloom.progress import run_to_completion


@pytest.mark.parametrize("name", ["ben", "ben-2", "Zoë", "a.b_c", "7", "x" * 40])
def test_names_that_can_be_used(name: str) -> None:
    check_identity_name(name)


@pytest.mark.parametrize("name", ["", "b/n", "..", "-ben", "ben.", "b n", "b=n", "x" * 41, "b\n"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a person's name"):
        check_identity_name(name)


def test_an_extraction_refuses_a_name_before_it_looks_at_the_footage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'b/n' cannot be a person's name"):
        run_to_completion(extract([tmp_path], tmp_path / "out", ExtractOptions(name="b/n")))
