"""The whole job in a browser with the real commands: from two videos to a swap that plays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.select import Select
from tests.helpers.clips import make_clip
from tests.helpers.studio.browser import (
    add_from_this_machine,
    click,
    hosts_of_requests,
    needs_browser,
    open_browser,
    studio_page,
)
from tests.helpers.studio.server import StudioServer, serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.studio.jobs.job import JobState
from faceloom.studio.studio_project import ItemKind
from faceloom.video import read_frames

pytestmark = [pytest.mark.e2e, pytest.mark.training, pytest.mark.long, *needs_browser]

# Seconds that a job may take on busy cores.
JOB_SECONDS = 400
# Frames of each video.
FRAMES = 24
# Chooses the video of a person in the dialog of the extraction.
CHECK_CLIP = "//form[@id='extract-form']//label[contains(., '{0}')]/input"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    with open_browser(tmp_path / "profile") as driver:
        yield driver


@pytest.fixture
def server(tmp_path: Path, browser: WebDriver, sample: Path) -> Iterator[StudioServer]:
    """A studio that may show a folder with the two videos."""
    footage = tmp_path / "footage"
    footage.mkdir()
    for name in ("target_ada.mp4", "train_ben.mp4"):
        pictures = [frame.rgb for frame in read_frames(sample / name, stop=FRAMES)]
        make_clip(footage / name, pictures, audio_seconds=0.9)
    with serve_studio(tmp_path / "project", footage) as running, studio_page(browser, running):
        yield running


def open_dialog(browser: WebDriver, server: StudioServer, path: str, dialog: str) -> None:
    browser.get(f"http://localhost:{server.port}{path}")
    click(browser, f"[data-open={dialog}-dialog]")


def fill(browser: WebDriver, form: str, **values: str) -> None:
    """Fill in fields of a form by their names."""
    for name, value in values.items():
        field = browser.find_element(By.CSS_SELECTOR, f"#{form} [name={name}]")
        if field.tag_name == "select":
            options = Select(field).options
            next(each for each in options if each.get_attribute("value") == value).click()
        else:
            field.clear()
            field.send_keys(value)


def run_job(browser: WebDriver, server: StudioServer, button: str) -> None:
    """Add a job by a button, and wait until it is done."""
    jobs = server.studio.jobs
    number = len(jobs.jobs()) + 1
    click(browser, button)
    wait_until(lambda: len(jobs.jobs()) == number)
    wait_until(lambda: jobs.job(number).has_ended, JOB_SECONDS)
    assert jobs.job(number).state is JobState.DONE, jobs.job(number).sentence


def test_two_videos_become_a_swap_that_plays(browser: WebDriver, server: StudioServer) -> None:
    project = server.studio.project
    for name, clip in (("ada", "target_ada.mp4"), ("ben", "train_ben.mp4")):
        add_from_this_machine(browser, clip)
        open_dialog(browser, server, "/", "extract")
        fill(browser, "extract-form", name=name, every="2")
        browser.find_element(By.XPATH, CHECK_CLIP.format(clip)).click()
        run_job(browser, server, "#extract-form .primary")
        browser.get(f"http://localhost:{server.port}/")

    target, source = (item.id for item in project.items(ItemKind.FACES))
    open_dialog(browser, server, "/runs", "train")
    choices = {"target": target, "source": source, "preset": "smoke", "steps": "2", "name": "first"}
    fill(browser, "train-form", **choices)
    run_job(browser, server, "#train-form .primary")

    (run,) = project.items(ItemKind.RUN)
    open_dialog(browser, server, f"/runs/{run.id}", "export")
    fill(browser, "export-form", identity="ben", name="ben")
    run_job(browser, server, "#export-form .primary")

    browser.get(f"http://localhost:{server.port}/swap")
    run_job(browser, server, "#output .primary")
    (swap,) = project.items(ItemKind.SWAP)
    browser.get(f"http://localhost:{server.port}/results/{swap.id}")
    click(browser, "#play")
    played = "return document.getElementById('swap').currentTime"
    wait_until(lambda: browser.execute_script(played) > 0.1)
    wait_until(lambda: "Marked as a swap" in browser.find_element(By.CSS_SELECTOR, "#marks").text)
    assert hosts_of_requests(browser) == {"localhost"}
