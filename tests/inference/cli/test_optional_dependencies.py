"""A missing package of an extra is named; a missing module of ours stays a traceback."""

import pytest

from faceloom.cli.optional_dependencies import requires_extra
from faceloom.errors import ProviderMissing


def test_a_missing_package_is_named_with_its_extra() -> None:
    with (
        pytest.raises(ProviderMissing, match=r"pandas is not installed; .*'faceloom\[train\]'"),
        requires_extra("train"),
    ):
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas")


@pytest.mark.parametrize("name", ["faceloom_train.missing", "faceloom.missing"])
def test_a_missing_module_of_ours_is_not_an_extra(name: str) -> None:
    with pytest.raises(ModuleNotFoundError), requires_extra("train"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
