"""A studio with an empty project, and a program that stands for `faceloom`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.fakes import faceloom_program
from tests.helpers.studio.browser import open_browser, studio_page
from tests.helpers.studio.clip import make_studio_clip
from tests.helpers.studio.server import StudioServer, serve_studio

from faceloom.project import step_process


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StudioServer]:
    """A studio that may show the folder `footage`."""
    footage = tmp_path / "footage"
    footage.mkdir()
    with serve_studio(tmp_path / "project", footage) as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    """Such a studio for all tests of a module that leave it as it is."""
    folder = tmp_path_factory.mktemp("studio")
    (folder / "footage").mkdir()
    with serve_studio(folder / "project", folder / "footage") as running:
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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """A browser for the tests of a module, see `needs_browser`."""
    with open_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def shown_server(
    tmp_path_factory: pytest.TempPathFactory, browser: WebDriver
) -> Iterator[StudioServer]:
    """A studio for the tests of a module, whose page the browser shows."""
    folder = tmp_path_factory.mktemp("studio")
    with serve_studio(folder / "project", folder) as running, studio_page(browser, running):
        yield running


@pytest.fixture(scope="package")
def studio_clip(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A clip that no test changes, see `make_studio_clip`."""
    return make_studio_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", sample)
