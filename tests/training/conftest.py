"""A trained run for the tests that continue, damage or export one.

TensorFlow is imported by the fixtures: `make test-quick` reads this file too.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from faceloom_train.runs.run_directory import Run


@pytest.fixture(scope="session")
def four_steps(tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> Path:
    """A run of `simple_config()`: four steps, with checkpoints at 2 and 4."""
    from tests.helpers.runner.shared_folder import shared_folder
    from tests.helpers.runs import simple_run

    from faceloom_train.loop.trainer import train

    return shared_folder(
        tmp_path_factory, "four_steps", lambda folder: train(simple_run(folder, facesets))
    )


@pytest.fixture
def trained(tmp_path: Path, four_steps: Path, facesets: dict[str, Path]) -> "Run":
    """A copy of that run, which a test may change."""
    from tests.helpers.runs import simple_config

    from faceloom_train.runs.run_directory import Run

    directory = Path(shutil.copytree(four_steps, tmp_path / "run"))
    return Run.create(directory, facesets, simple_config())
