"""Training and export use no address outside this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.helpers.network_trace import trace_faceloom

if TYPE_CHECKING:
    from faceloom_train.runs.run_directory import Run

pytestmark = [pytest.mark.training, pytest.mark.process]


@pytest.mark.exhaustive
def test_train_runs_without_a_network(tmp_path: Path, trained: "Run") -> None:
    assert trace_faceloom(tmp_path, "train", "--run", trained.directory, "--steps", "5") == []


def test_export_runs_without_a_network(tmp_path: Path, trained: "Run") -> None:
    run, bundle = trained.directory, tmp_path / "ben.bundle"
    assert trace_faceloom(tmp_path, "export", run, "--identity", "ben", "--out", bundle) == []
    assert bundle.is_dir()
