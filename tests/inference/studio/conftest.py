"""A studio with an empty project, and a program that stands for `faceloom`."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.helpers.fakes import faceloom_program
from tests.helpers.studio.server import StudioServer, serve_studio

from faceloom.project import step_process


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StudioServer]:
    """A studio that may show the folder `footage`."""
    footage = tmp_path / "footage"
    footage.mkdir()
    with serve_studio(tmp_path / "project", footage) as running:
        yield running


@pytest.fixture
def fake_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Commands only write empty artifacts; returns the commands that were started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(step_process, "PROGRAM", (sys.executable, faceloom_program.__file__))

    def started() -> list[str]:
        path = Path("starts.txt")
        return path.read_text().splitlines() if path.exists() else []

    return started


def wait_until(holds: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something holds; fail if it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)
