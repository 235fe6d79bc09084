"""A trained run for the tests that continue, damage or export one."""

import shutil
from pathlib import Path

import pytest
from tests.helpers.runs import tiny_config, tiny_run

from faceloom_train.runs.run_directory import Run


@pytest.fixture(scope="session")
def four_steps(tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> Path:
    """A run of `tiny_config()`: four steps, with checkpoints at 2 and 4."""
    # Imported here: it loads TensorFlow, which some tests do not need.
    from faceloom_train.loop.trainer import train

    run = tiny_run(tmp_path_factory.mktemp("trained") / "run", facesets)
    train(run)
    return run.directory


@pytest.fixture
def trained(tmp_path: Path, four_steps: Path, facesets: dict[str, Path]) -> Run:
    """A copy of that run, which a test may change."""
    directory = Path(shutil.copytree(four_steps, tmp_path / "run"))
    return Run.create(directory, facesets, tiny_config())
