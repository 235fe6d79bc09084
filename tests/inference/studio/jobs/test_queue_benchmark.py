"""The benchmark of the queue runs with the studio that it measures."""

from pathlib import Path

import pytest
from benchmarks.studio.job_queue import measure


def test_a_queue_of_few_jobs_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measure(3, tmp_path / "project")
    assert capsys.readouterr().out.startswith("| 3 | ")
