"""Training and export ask for no address outside this machine."""

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.helpers.network_trace import outside_addresses, trace_command

if TYPE_CHECKING:
    from faceloom_train.runs.run_directory import Run

pytestmark = [pytest.mark.training, pytest.mark.process]


def test_train_and_export_run_without_a_network(tmp_path: Path, trained: "Run") -> None:
    bundle = tmp_path / "ben.bundle"
    for number, arguments in enumerate((
        ("train", "--run", trained.directory, "--steps", "5"),
        ("export", trained.directory, "--identity", "ben", "--out", bundle),
    )):  # fmt: skip
        trace = tmp_path / f"trace{number}"
        done = subprocess.run(
            trace_command(trace, "faceloom", *arguments),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert outside_addresses(trace) == []
    assert bundle.is_dir()
