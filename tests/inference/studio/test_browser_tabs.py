"""Two tabs, keys, files that are dropped onto a page, the queue's order, in a real browser."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.facesets import good_faces, write_faceset
from tests.helpers.studio.browser import (
    click,
    needs_browser,
    press,
    studio_page,
    wait_for_page,
)
from tests.helpers.studio.server import StudioServer, serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.studio.jobs.job import JobRequest, JobState
from faceloom.studio.studio_project import ItemKind

pytestmark = needs_browser

# Drops files with the given names and base64 contents onto an element.
_DROP = """
const [target, files] = arguments;
const transfer = new DataTransfer();
for (const [name, content] of files) {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  transfer.items.add(new File([bytes], name));
}
document.querySelector(target).dispatchEvent(
  new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }),
);
"""


@pytest.fixture
def server(tmp_path: Path, browser: WebDriver) -> Iterator[StudioServer]:
    """A studio whose queue starts nothing."""
    with serve_studio(tmp_path / "project", tmp_path) as running:
        running.studio.runner.set_paused(True)
        with studio_page(browser, running):
            yield running


def _text(browser: WebDriver, id_: str) -> str:
    return browser.find_element(By.ID, id_).text


def test_every_page_lists_its_keys_and_leads_to_the_others(
    browser: WebDriver, server: StudioServer
) -> None:
    press(browser, "?")
    assert "project, training, swap, results, queue" in _text(browser, "keys-dialog")
    press(browser, "5")
    press(browser, Keys.ESCAPE)
    wait_until(lambda: not browser.find_element(By.ID, "keys-dialog").is_displayed())
    press(browser, "5")
    wait_until(lambda: browser.current_url.endswith("/jobs"))
    wait_for_page(browser)
    press(browser, "?")
    assert "Alt+↑" in _text(browser, "keys-dialog")


def test_changes_of_faces_in_one_tab_are_seen_in_the_other(
    browser: WebDriver, server: StudioServer
) -> None:
    write_faceset(server.studio.project.folder / "faces/ada", good_faces(12), "ada")
    (item,) = server.studio.project.items(ItemKind.FACES)
    address = f"http://localhost:{server.port}/faces/{item.id}"
    browser.get(address)
    wait_until(lambda: "12 faces" in _text(browser, "counts"))
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    try:
        browser.get(address)
        wait_until(lambda: "12 faces" in _text(browser, "counts"))
        press(browser, Keys.DELETE)
        wait_until(lambda: "11 faces" in _text(browser, "counts"))
        press(browser, "p")
        wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, ".is-pinned"))
    finally:
        browser.close()
        browser.switch_to.window(first)
    wait_until(lambda: "11 faces" in _text(browser, "counts"))
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, ".is-pinned"))
    press(browser, "z", held=Keys.CONTROL)
    wait_until(lambda: "12 faces" in _text(browser, "counts"))


def test_dropped_videos_are_added_and_other_files_refused(
    browser: WebDriver, server: StudioServer, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "a clip.mp4", wave_images(3))
    content = base64.b64encode(clip.read_bytes()).decode()
    browser.execute_script(_DROP, "#clips", [["a clip.mp4", content]])
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, "#clips .items strong"))
    assert "a clip.mp4" in _text(browser, "clips")
    assert [each.name for each in server.studio.project.items(ItemKind.CLIP)] == ["a clip.mp4"]
    browser.execute_script(_DROP, "#clips", [["notes.mp4", base64.b64encode(b"text").decode()]])
    wait_until(lambda: "is not a video" in _text(browser, "message"))
    assert len(server.studio.project.items(ItemKind.CLIP)) == 1


def test_jobs_are_reordered_by_drag_and_by_keys_and_removed(
    browser: WebDriver, server: StudioServer
) -> None:
    for name in ("a", "b", "c"):
        server.studio.jobs.add(JobRequest(title=f"Job {name}", arguments=("train",)))
    browser.get(f"http://localhost:{server.port}/jobs")

    def rows() -> list[str]:
        # In one script, as the page may change between two requests.
        script = "return [...document.querySelectorAll('.job h2')].map((each) => each.textContent)"
        return list(browser.execute_script(script))

    wait_until(lambda: rows() == ["Job a", "Job b", "Job c"])
    jobs = browser.find_elements(By.CSS_SELECTOR, ".job")
    titles = [job.find_element(By.TAG_NAME, "h2") for job in jobs]
    ActionChains(browser).drag_and_drop(titles[2], titles[0]).perform()
    wait_until(lambda: rows() == ["Job c", "Job a", "Job b"])
    browser.execute_script("arguments[0].focus()", jobs[2])
    press(browser, Keys.ARROW_DOWN, held=Keys.ALT)
    wait_until(lambda: rows() == ["Job a", "Job c", "Job b"])
    assert [job.number for job in server.studio.jobs.jobs()] == [1, 3, 2]
    click(browser, ".job:last-child [data-action=stop]")
    wait_until(lambda: server.studio.jobs.job(2).has_ended)
    server.studio.jobs.end(3, {"state": JobState.DONE})
    wait_until(browser.find_element(By.ID, "remove-done").is_enabled)
    click(browser, "#remove-done")
    wait_until(lambda: rows() == ["Job a", "Job b"])
