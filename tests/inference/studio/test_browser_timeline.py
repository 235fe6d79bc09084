"""The timeline in a real browser: bounds of sections that are dragged, and marks."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.studio.browser import click, needs_browser, press
from tests.helpers.studio.clip import ALL_FRAMES, FACE_FRAMES, make_studio_clip
from tests.helpers.studio.comparison import write_comparison
from tests.helpers.studio.server import StudioServer
from tests.helpers.studio.waiting import wait_until

from faceloom.studio.conversion.swap_sections import SectionRow, read_sections, write_sections
from faceloom.studio.pages import swap_page
from faceloom.studio.results.judgment import judgment_path
from faceloom.studio.results.original import record_original
from faceloom.studio.studio_project import Item, StudioProject

pytestmark = needs_browser


@pytest.fixture(scope="module")
def clip(shown_server: StudioServer, sample: Path) -> Item:
    (root,) = shown_server.studio.roots
    return shown_server.studio.project.open_path(make_studio_clip(root / "clip.mp4", sample))


@pytest.fixture
def sections(browser: WebDriver, shown_server: StudioServer, clip: Item) -> None:
    """A tab with sections of the frames 4 to 9 and 14 to 19."""
    browser.switch_to.window(browser.window_handles[0])
    browser.switch_to.new_window("tab")
    rows = [SectionRow(start=start, stop=start + 6) for start in (4, 14)]
    write_sections(shown_server.studio.project, clip, rows)
    browser.get(f"http://localhost:{shown_server.port}/swap")
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


def frame(browser: WebDriver) -> int:
    return int(browser.find_element(By.ID, "timeline").get_property("value"))


def test_keys_and_clicks_lead_to_cuts_faces_and_worst_moments(
    browser: WebDriver, shown_server: StudioServer, clip: Item
) -> None:
    folder = shown_server.studio.project.folder / "swaps"
    folder.mkdir()
    swap = make_clip(folder / "swap.mp4", wave_images(6))
    record_original(swap, clip.path)
    write_comparison(judgment_path(swap))
    browser.get(f"http://localhost:{shown_server.port}/swap?clip={clip.id}")
    strip = browser.find_element(By.ID, "face-strip")
    wait_until(lambda: strip.find_elements(By.CSS_SELECTOR, "[data-faces=none]"))
    wait_until(lambda: not browser.find_element(By.ID, "scan-note").text)
    label = "Frames without a face: 6 of 26. Cuts: 1. Worst moments: 2."
    wait_until(lambda: strip.get_attribute("aria-label") == label)
    note = browser.find_element(By.ID, "jump-note")
    # A key, whether it is with Shift, and the frame that it leads to.
    steps = [
        ("n", "", FACE_FRAMES), ("w", Keys.SHIFT, 3), ("w", Keys.SHIFT, 2), ("w", "", 3),
        ("c", "", FACE_FRAMES), ("c", "", FACE_FRAMES),
    ]  # fmt: skip
    for key, held, expected in steps:
        press(browser, key, held=held)
        wait_until(lambda expected=expected: frame(browser) == expected)
    wait_until(lambda: note.text == "No further cut was found.")
    press(browser, "w")
    wait_until(lambda: note.text == "There is no further worst moment.")
    diamonds = browser.find_elements(By.CSS_SELECTOR, "#moment-marks button")
    assert diamonds[0].get_attribute("title").startswith("Worst moment, frame 2: ")
    diamonds[0].click()
    assert (frame(browser), note.text) == (2, "")
    assert diamonds[0].get_attribute("aria-current") == "true"
    click(browser, "[data-jump=cut]")
    assert frame(browser) == FACE_FRAMES
    ActionChains(browser).move_to_element(strip).click().perform()
    assert frame(browser) == ALL_FRAMES // 2
    assert browser.find_element(By.CSS_SELECTOR, "#moments-swap a").text == "swap"


@pytest.mark.usefixtures("sections")
def test_a_dragged_bound_stops_at_the_next_section_and_is_undone(
    browser: WebDriver, shown_server: StudioServer, clip: Item
) -> None:
    project = shown_server.studio.project
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
    browser: WebDriver, shown_server: StudioServer, clip: Item, monkeypatch: pytest.MonkeyPatch
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
    wait_until(lambda: bounds(shown_server.studio.project, clip) == [(6, 10), (14, 23)], 10)
