"""Fixtures of the exporter's tests.

They import TensorFlow when they run: the process that only distributes tests reads this file
too.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from faceloom_train.runs.run_directory import Run


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, facesets: dict[str, Path]) -> "Run":
    """A tiny run in float32, trained for 60 steps, with a gain of the lids and a consent."""
    from tests.helpers.runner.shared_folder import shared_folder
    from tests.helpers.runs import tiny_run

    from faceloom_train.loop.trainer import train
    from faceloom_train.runs.run_directory import Run

    settings = {"steps": 60, "coverage": 0.86, "lids_gain": 2.5, "consent": "ben agreed"}

    def make(folder: Path) -> None:
        train(tiny_run(folder, facesets, **settings))

    return Run.read(shared_folder(tmp_path_factory, "sixty_steps", make))
