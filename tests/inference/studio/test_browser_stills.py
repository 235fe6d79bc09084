"""Stills in a real browser: people with bundles of their own, and the progress of a still."""

import threading
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.select import Select
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip
from tests.helpers.studio.browser import click, needs_browser
from tests.helpers.studio.clip import make_studio_clip
from tests.helpers.studio.server import StudioServer
from tests.helpers.studio.waiting import wait_until

from faceloom.image_io import write_png
from faceloom.json_documents import to_json
from faceloom.progress import Progress
from faceloom.project.people_listing import PEOPLE_FILE, ListedPerson, PeopleFile
from faceloom.studio.stills import StillEngine
from faceloom.studio.studio_project import Item
from faceloom.video import read_frames

pytestmark = needs_browser


@pytest.fixture(scope="module")
def clip(shown_server: StudioServer, sample: Path) -> Item:
    """A clip of Ada, whose people are known: Ada is person 1, Ben is person 2."""
    (root,) = shown_server.studio.roots
    shown_server.studio.project.open_path(make_bundle(root / "ben.bundle"))
    item = shown_server.studio.project.open_path(make_studio_clip(root / "clip.mp4", sample))
    folder = shown_server.studio.people.folder_of(item)
    folder.mkdir(parents=True)
    people = []
    for number, name in enumerate(("ada", "ben"), 1):
        portrait = f"person-{number}.png"
        write_png(folder / portrait, next(iter(read_frames(sample / f"train_{name}.mp4"))).rgb)
        people.append(ListedPerson(number=number, frames=9, portraits=(portrait,)))
    file = PeopleFile(faceloom_version="0", samples=9, people=tuple(people))
    (folder / PEOPLE_FILE).write_text(to_json(file))
    return item


@pytest.fixture(scope="module")
def short_clip(shown_server: StudioServer) -> Item:
    """A clip of two frames without a face."""
    (root,) = shown_server.studio.roots
    frames = [np.full((64, 64, 3), 90, np.uint8)] * 2
    return shown_server.studio.project.open_path(make_clip(root / "short.mp4", frames))


def status(browser: WebDriver) -> str:
    return browser.find_element(By.ID, "status").text


def test_a_still_shows_the_bundle_of_each_person(
    browser: WebDriver, shown_server: StudioServer, clip: Item, short_clip: Item
) -> None:
    browser.get(f"http://localhost:{shown_server.port}/swap?clip={clip.id}&frame=3")
    wait_until(lambda: status(browser).startswith("Exact"))
    click(browser, "#output details:nth-of-type(3) summary")
    people = ".person-bundles select"
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, people)) == 2)
    ada, ben = browser.find_elements(By.CSS_SELECTOR, people)
    ben.send_keys(Keys.DOWN)
    # Ada has no bundle and keeps her own face.
    wait_until(lambda: status(browser) == "No face to swap in this frame")
    ada.send_keys(Keys.DOWN)
    wait_until(lambda: status(browser).startswith("Exact"))
    command = browser.find_element(By.ID, "command")
    wait_until(lambda: command.text.count("--map") == 2)
    # The other video has no frame 3, and nobody has a bundle in it.
    Select(browser.find_element(By.ID, "clip")).select_by_value(short_clip.id)
    wait_until(lambda: status(browser) == "No face to swap in this frame")
    wait_until(lambda: "--bundle" in command.text)
    assert not browser.find_element(By.ID, "message").is_displayed()


def test_the_progress_of_a_still_is_shown_until_it_is_ready(
    browser: WebDriver, shown_server: StudioServer, clip: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = threading.Event()

    def prepare(*_: object) -> Progress | None:
        return None if ready.wait(0.05) else Progress("frames", 40, 90)

    monkeypatch.setattr(StillEngine, "prepare", prepare)
    address = f"http://localhost:{shown_server.port}/swap?clip={clip.id}"
    browser.get(f"{address}&frame=5&select=track%3A0")
    wait_until(lambda: status(browser).endswith("40 of 90"))
    ready.set()
    wait_until(lambda: status(browser).startswith("Exact"))
