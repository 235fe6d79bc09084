"""What every test relies on: types are checked, and shared folders are made once."""

from pathlib import Path
from typing import Any

import pytest
from jaxtyping import TypeCheckError
from tests.helpers.runner.lazy_type_check import check_at_first_call
from tests.helpers.runner.shared_folder import shared_folder

from faceloom.color import to_lab


def test_the_types_of_faceloom_s_functions_are_checked() -> None:
    wrong: Any = "a picture"
    with pytest.raises(TypeCheckError):
        to_lab(wrong)


def test_a_type_is_checked_at_every_call() -> None:
    @check_at_first_call
    def half(value: float) -> float:
        return value / 2

    wrong: Any = "one"
    for _ in range(2):
        assert half(1) == 0.5
        with pytest.raises(Exception, match="half"):
            half(wrong)


def test_a_shared_folder_is_made_once_and_again_after_an_error(tmp_path: Path) -> None:
    calls: list[Path] = []

    class Factory:
        """Names the base folder of the second process."""

        def getbasetemp(self) -> Path:
            return tmp_path / "popen-gw1"

    def fails(folder: Path) -> None:
        folder.mkdir()
        raise OSError

    factory: Any = Factory()
    with pytest.raises(OSError):  # noqa: PT011  the error of `fails`
        shared_folder(factory, "faces", fails)
    assert (tmp_path / "faces").exists()
    for _ in range(2):
        assert shared_folder(factory, "faces", calls.append) == tmp_path / "faces"
    assert calls == [tmp_path / "faces"]
    # What the failed attempt had left is removed first.
    assert not (tmp_path / "faces").exists()
