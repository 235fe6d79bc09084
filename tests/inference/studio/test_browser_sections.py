"""Sections in a real browser: bounds that are dragged, and saves as the page closes."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.studio.browser import needs_browser, press, studio_page
from tests.helpers.studio.clip import make_studio_clip
from tests.helpers.studio.server import StudioServer, serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.studio.conversion.swap_sections import SectionRow, read_sections, write_sections
from faceloom.studio.pages import swap_page
from faceloom.studio.studio_project import Item, StudioProject

pytestmark = needs_browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, browser: WebDriver) -> Iterator[StudioServer]:
    folder = tmp_path_factory.mktemp("studio")
    with serve_studio(folder / "project", folder) as running, studio_page(browser, running):
        yield running


@pytest.fixture(scope="module")
def clip(server: StudioServer, sample: Path) -> Item:
    (root,) = server.studio.roots
    return server.studio.project.open_path(make_studio_clip(root / "clip.mp4", sample))


@pytest.fixture
def sections(browser: WebDriver, server: StudioServer, clip: Item) -> None:
    """A tab with sections of the frames 4 to 9 and 14 to 19."""
    browser.switch_to.window(browser.window_handles[0])
    browser.switch_to.new_window("tab")
    rows = [SectionRow(start=start, stop=start + 6) for start in (4, 14)]
    write_sections(server.studio.project, clip, rows)
    browser.get(f"http://localhost:{server.port}/swap")
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#sections button")) == 2)


def bounds(project: StudioProject, clip: Item) -> list[tuple[int, int]]:
    return [(row.start, row.stop) for row in read_sections(project, clip)]


def drag(browser: WebDriver, section: int, bound: str, frames: float) -> None:
    """Drag a bound by a number of frames; the clip has 26."""
    handle = browser.find_elements(By.CSS_SELECTOR, f"[data-bound={bound}]")[section]
    width = browser.find_element(By.ID, "sections").size["width"]
    actions = ActionChains(browser, duration=20).click_and_hold(handle)
    actions.move_by_offset(round(frames * width / 52), 0)
    actions.move_by_offset(round(frames * width / 52), 0).release().perform()


@pytest.mark.usefixtures("sections")
def test_a_dragged_bound_stops_at_the_next_section_and_is_undone(
    browser: WebDriver, server: StudioServer, clip: Item
) -> None:
    project = server.studio.project
    drag(browser, 0, "start", -2)
    wait_until(lambda: bounds(project, clip) == [(2, 10), (14, 20)])
    assert browser.find_element(By.ID, "timeline").get_attribute("value") == "2"
    drag(browser, 0, "stop", 9)
    wait_until(lambda: bounds(project, clip) == [(2, 14), (14, 20)])
    drag(browser, 1, "start", 20)
    wait_until(lambda: bounds(project, clip) == [(2, 14), (19, 20)])
    for expected in ([(2, 14), (14, 20)], [(2, 10), (14, 20)], [(4, 10), (14, 20)]):
        press(browser, "z", held=Keys.CONTROL)
        wait_until(lambda expected=expected: bounds(project, clip) == expected)
    assert not browser.find_element(By.ID, "message").is_displayed()


@pytest.mark.usefixtures("sections")
def test_a_change_that_waits_for_a_save_is_saved_as_the_page_closes(
    browser: WebDriver, server: StudioServer, clip: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts, release = threading.Semaphore(0), threading.Event()

    def slow(project: StudioProject, item: Item, rows: Sequence[SectionRow]) -> None:
        starts.release()
        release.wait(20)
        write_sections(project, item, rows)

    monkeypatch.setattr(swap_page, "write_sections", slow)
    drag(browser, 0, "start", 2)
    starts.acquire(timeout=20)
    drag(browser, 1, "stop", 3)
    browser.close()
    browser.switch_to.window(browser.window_handles[0])
    release.set()
    wait_until(lambda: bounds(server.studio.project, clip) == [(6, 10), (14, 23)], 10)
