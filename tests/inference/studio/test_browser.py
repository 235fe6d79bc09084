"""The studio in a real browser: from a video to a swap that plays, with the real commands."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip
from tests.helpers.studio.browser import (
    add_from_this_machine,
    click,
    hosts_of_requests,
    needs_browser,
    press,
    studio_page,
)
from tests.helpers.studio.clip import FACE_FRAMES, make_studio_clip
from tests.helpers.studio.server import StudioServer, serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.errors import UsageError
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faceset.similarity import center_of
from faceloom.studio.conversion.swap_sections import SectionRow, read_sections, write_sections
from faceloom.studio.jobs.job import JobState
from faceloom.studio.pages import swap_page
from faceloom.studio.studio_project import Item, ItemKind, StudioProject
from faceloom.video import read_frames

pytestmark = needs_browser


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    make_studio_clip(folder / "clip.mp4", sample)
    make_bundle(folder / "ben.bundle")
    both = [list(read_frames(sample / f"train_{name}.mp4", every=18)) for name in ("ada", "ben")]
    make_clip(folder / "both.mp4", [np.hstack([a.rgb, b.rgb]) for a, b in zip(*both, strict=True)])
    return folder


@pytest.fixture
def server(tmp_path: Path, footage: Path, browser: WebDriver) -> Iterator[StudioServer]:
    with serve_studio(tmp_path / "project", footage) as running, studio_page(browser, running):
        yield running


def shown(browser: WebDriver, selector: str, text: str, seconds: float = 30) -> None:
    """Wait until a part of the page contains a text."""
    wait_until(lambda: text in browser.find_element(By.CSS_SELECTOR, selector).text, seconds)


def open_swap_page(
    browser: WebDriver, server: StudioServer, footage: Path, query: str = ""
) -> Item:
    """Show the page Swap of a project with the clip and the bundle; return the clip."""
    project = server.studio.project
    clip = project.open_path(footage / "clip.mp4")
    project.open_path(footage / "ben.bundle")
    browser.get(f"http://localhost:{server.port}/swap?{query}")
    return clip


def is_painted(browser: WebDriver) -> bool:
    """Whether the canvas shows a picture of more than a few colors."""
    script = """
      const canvas = document.getElementById("canvas");
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      return new Set(data).size > 30 && canvas.width > 100;
    """
    return bool(browser.execute_script(script))


@pytest.mark.exhaustive
def test_from_a_video_to_a_swap_that_plays(browser: WebDriver, server: StudioServer) -> None:
    add_from_this_machine(browser, "clip.mp4")
    add_from_this_machine(browser, "ben.bundle")
    click(browser, "[data-open=extract-dialog]")
    browser.find_element(By.NAME, "name").send_keys("ada")
    click(browser, "#extract-form [name=clips]")
    click(browser, "#extract-form .primary")
    wait_until(server.studio.jobs.jobs)
    wait_until(lambda: server.studio.jobs.job(1).has_ended, 120)
    assert server.studio.jobs.job(1).state is JobState.DONE
    wait_until(lambda: "20 faces" in browser.find_element(By.CSS_SELECTOR, ".sentence").text)
    cost = browser.find_element(By.CSS_SELECTOR, ".job-cost").text
    assert re.fullmatch(r"\d+ s of processor time · 0\.\d+ GB of memory", cost)

    browser.get(browser.current_url.replace("/jobs", "/swap"))
    wait_until(lambda: is_painted(browser), 60)
    click(browser, "#output .primary")
    wait_until(lambda: len(server.studio.jobs.jobs()) == 2)
    wait_until(lambda: server.studio.jobs.job(2).has_ended, 120)
    assert server.studio.jobs.job(2).state is JobState.DONE, server.studio.jobs.job(2).sentence

    (swap,) = server.studio.project.items(ItemKind.SWAP)
    browser.get(f"http://localhost:{server.port}/results/{swap.id}")
    click(browser, "#play")
    wait_until(
        lambda: browser.execute_script("return document.getElementById('swap').currentTime") > 0.1
    )

    shown(browser, "#marks", "Marked as a swap")
    assert hosts_of_requests(browser) == {"localhost"}


def to_frame(browser: WebDriver, frame: int) -> None:
    script = """
      const timeline = document.getElementById("timeline");
      timeline.value = arguments[0];
      for (const name of ["input", "change"]) timeline.dispatchEvent(new Event(name));
      timeline.focus();
    """
    browser.execute_script(script, frame)


def test_a_section_changes_its_frames_alone(
    browser: WebDriver, server: StudioServer, footage: Path
) -> None:
    project, item = server.studio.project, open_swap_page(browser, server, footage, "mask=both")
    shown(browser, "#command", "--mask both", 60)
    to_frame(browser, 5)
    press(browser, "i")
    to_frame(browser, 12)
    press(browser, "o")
    shown(browser, "#settings-scope", "Section 1: 5\u201312")
    click(browser, "#section-swap")
    wait_until(lambda: [row.swap for row in read_sections(project, item)] == [False])
    press(browser, Keys.DELETE)
    wait_until(lambda: not read_sections(project, item))
    press(browser, "z", held=Keys.CONTROL)
    wait_until(lambda: len(read_sections(project, item)) == 1)

    # The address follows after a moment without changes.
    wait_until(lambda: "frame=12" in browser.current_url)
    browser.refresh()
    shown(browser, "#sections", "1")
    shown(browser, "#settings-scope", "Section 1: 5\u201312")
    to_frame(browser, 20)
    shown(browser, "#settings-scope", "Outside sections")
    shown(browser, "#job-file", "from = 5\nto = 13\nswap = false")
    click(browser, "#output .primary")
    wait_until(server.studio.jobs.jobs)
    wait_until(lambda: server.studio.jobs.job(1).has_ended, 120)
    assert server.studio.jobs.job(1).state is JobState.DONE, server.studio.jobs.job(1).sentence

    (swap,) = project.items(ItemKind.SWAP)
    pairs = zip(read_frames(footage / "clip.mp4"), read_frames(swap.path), strict=True)
    changes = [cv2.absdiff(before.rgb, after.rgb).mean() for before, after in pairs]
    # The last frames of the clip have no face.
    changed = [index for index, change in enumerate(changes) if change > 5]
    assert changed == [*range(5), *range(13, FACE_FRAMES)]
    assert max(changes[5:13]) < 2


def open_clip_with_section(server: StudioServer, footage: Path) -> None:
    """Pause the queue, and add a clip of which a section is not swapped."""
    server.studio.runner.set_paused(True)
    item = server.studio.project.open_path(footage / "clip.mp4")
    write_sections(server.studio.project, item, [SectionRow(start=5, stop=13, swap=False)])


def test_choices_before_a_video_is_read_count(
    browser: WebDriver, server: StudioServer, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = threading.Event(), threading.Event()

    def slow(project: StudioProject, item: Item) -> tuple[SectionRow, ...]:
        asked.set()
        assert release.wait(60)
        return read_sections(project, item)

    monkeypatch.setattr(swap_page, "read_sections", slow)
    open_clip_with_section(server, footage)
    open_swap_page(browser, server, footage)
    assert asked.wait(60)
    mask = browser.find_element(By.CSS_SELECTOR, "#settings [name=mask]")
    before = mask.get_attribute("value")
    click(browser, "#settings [name=mask] [value=mesh]")
    press(browser, "z", held=Keys.CONTROL)
    wait_until(lambda: mask.get_attribute("value") == before)
    click(browser, "#settings [name=mask] [value=mesh]")
    click(browser, "#output .primary")
    release.set()
    wait_until(server.studio.jobs.jobs)
    _, option, job_file, *options = server.studio.jobs.job(1).request.arguments
    assert option == "--job"
    assert "from = 5\nto = 13\nswap = false" in Path(job_file).read_text()
    assert " --mask mesh" in " ".join(options)
    assert not browser.find_element(By.ID, "message").is_displayed()


def test_a_video_that_cannot_be_read_is_not_converted(
    browser: WebDriver, server: StudioServer, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = threading.Event(), threading.Event()

    def refused(project: StudioProject, item: Item) -> tuple[SectionRow, ...]:
        asked.set()
        assert release.wait(60)
        raise UsageError("The sections are being written.")

    open_clip_with_section(server, footage)
    with monkeypatch.context() as patch:
        patch.setattr(swap_page, "read_sections", refused)
        open_swap_page(browser, server, footage)
        assert asked.wait(60)
        click(browser, "#output .primary")
        release.set()
        shown(browser, "#message", "being written")
    browser.execute_script('document.getElementById("clip").dispatchEvent(new Event("change"))')
    click(browser, "#output .primary")
    wait_until(server.studio.jobs.jobs)
    # A conversion of the first click would be queued first.
    assert server.studio.jobs.job(1).request.arguments[1] == "--job"


def test_faces_are_rejected_and_restored_by_keys(
    browser: WebDriver, server: StudioServer, facesets: dict[str, Path]
) -> None:
    item = server.studio.project.open_path(facesets["ada"])
    before = len(list((facesets["ada"] / "crops").iterdir()))
    browser.get(f"http://localhost:{server.port}/faces/{item.id}")
    wait_until(lambda: f"{before} faces" in browser.find_element(By.TAG_NAME, "main").text)
    shown(browser, "#findings", "come from one file")
    press(browser, " ")
    wait_until(lambda: "1 selected" in browser.find_element(By.TAG_NAME, "main").text)
    press(browser, Keys.DELETE)
    wait_until(lambda: f"{before - 1} faces" in browser.find_element(By.TAG_NAME, "main").text)
    assert len(list((facesets["ada"] / "crops").iterdir())) == before - 1
    press(browser, "z", held=Keys.CONTROL)
    wait_until(lambda: f"{before} faces" in browser.find_element(By.TAG_NAME, "main").text)
    assert len(list((facesets["ada"] / "crops").iterdir())) == before


def test_a_training_is_estimated_before_it_starts(
    browser: WebDriver, server: StudioServer, facesets: dict[str, Path]
) -> None:
    for folder in facesets.values():
        server.studio.project.open_path(folder)
    browser.get(f"http://localhost:{server.port}/runs")
    click(browser, "[data-open=train-dialog]")
    shown(browser, "#forecast", "GB are free", 60)
    assert "for 1000 steps" in browser.find_element(By.ID, "forecast").text
    assert not server.studio.jobs.jobs()


def test_the_page_of_a_run_shows_its_state_and_curves(
    browser: WebDriver, server: StudioServer
) -> None:
    run = server.studio.project.new_path(ItemKind.RUN, "ada-ben")
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("size: 96\nfaces: []\n")
    rows = [{"step": step, "loss": 1 / step, "seconds": step / 2} for step in range(1, 40)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (item,) = server.studio.project.items(ItemKind.RUN)
    browser.get(f"http://localhost:{server.port}/runs/{item.id}")
    shown(browser, "#status", "Step 39")
    shown(browser, "#status", "2.00 steps/s")
    wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, ".chart canvas"))


def test_two_people_of_one_clip_become_two_face_sets(
    browser: WebDriver, server: StudioServer, footage: Path
) -> None:
    clip = server.studio.project.open_path(footage / "both.mp4")
    browser.get(f"http://localhost:{server.port}/")
    click(browser, f"a[href='/people/{clip.id}']")
    click(browser, "#find")
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, ".person")) == 2, 120)
    portraits = "[...document.querySelectorAll('.portrait img')]"
    loaded = f"return {portraits}.every((image) => image.naturalWidth === 320)"
    wait_until(lambda: browser.execute_script(loaded))
    fields = browser.find_elements(By.NAME, "name")
    for name, field in zip(("first", "second"), fields, strict=True):
        field.send_keys(name)
    click(browser, "#people-form .primary")
    wait_until(lambda: len(server.studio.jobs.jobs()) == 2)
    wait_until(lambda: all(job.has_ended for job in server.studio.jobs.jobs()), 240)
    assert [job.state for job in server.studio.jobs.jobs()] == [JobState.DONE, JobState.DONE]
    first, second = server.studio.project.items(ItemKind.FACES)
    assert (first.name, second.name) == ("first", "second")
    centers = [center_of(np.load(item.path / "embeddings.npy")) for item in (first, second)]
    assert float(centers[0] @ centers[1]) < SAME_PERSON_SIMILARITY
    assert {len(list((item.path / "crops").iterdir())) for item in (first, second)} == {8}


def test_the_conversion_follows_the_panel_and_a_preset(
    browser: WebDriver, server: StudioServer, footage: Path
) -> None:
    open_swap_page(browser, server, footage)
    shown(browser, "#command", "--bundle")
    click(browser, "#output details:nth-of-type(1) summary")
    press(browser, Keys.END)
    click(browser, "[data-playhead=first_frame]")
    shown(browser, "#command", "--range 25:")
    click(browser, "#settings [name=mask] [value=mesh]")
    shown(browser, "#command", "--mask mesh")
    browser.find_element(By.CSS_SELECTOR, "#preset-form input").send_keys("hard", Keys.ENTER)
    shown(browser, "#presets", "hard")
    click(browser, "#reset")
    wait_until(lambda: "--mask" not in browser.find_element(By.ID, "command").text)

    browser.refresh()
    shown(browser, "#presets", "hard")
    click(browser, "#presets button")
    shown(browser, "#command", "--mask mesh --range 25:")


def test_an_address_of_a_removed_video_shows_another_one(
    browser: WebDriver, server: StudioServer, footage: Path
) -> None:
    open_swap_page(browser, server, footage, "clip=nothing")
    shown(browser, "#command", "clip.mp4")
    assert not browser.find_element(By.ID, "message").is_displayed()


def test_two_tabs_show_the_same_queue(browser: WebDriver, server: StudioServer) -> None:
    first = browser.current_window_handle
    browser.get(f"http://localhost:{server.port}/jobs")
    browser.switch_to.new_window("tab")
    browser.get(f"http://localhost:{server.port}/jobs")
    click(browser, "#pause")
    wait_until(lambda: server.studio.runner.is_paused)
    browser.close()
    browser.switch_to.window(first)
    wait_until(lambda: browser.find_element(By.ID, "pause").text == "Continue the queue")


@pytest.mark.parametrize("page", ["/", "/jobs", "/swap", "/runs", "/results"])
def test_no_page_breaks_the_content_policy(
    browser: WebDriver, server: StudioServer, page: str
) -> None:
    browser.get_log("browser")
    browser.get(f"http://localhost:{server.port}{page}")
    wait_until(lambda: browser.execute_script("return document.readyState") == "complete")
    assert [row for row in browser.get_log("browser") if row["level"] == "SEVERE"] == []
    assert not browser.find_element(By.ID, "message").is_displayed()
