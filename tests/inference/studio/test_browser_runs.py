"""The demo's panel and the dialog that continues a run, in a real browser."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from tests.helpers.facesets import good_faces, write_faceset
from tests.helpers.studio.browser import click, needs_browser, studio_page
from tests.helpers.studio.server import StudioServer, serve_studio
from tests.helpers.studio.waiting import wait_until

from faceloom.studio.pages import demo_page, project_page, run_page
from faceloom.studio.runs.run_description import RunDescription
from faceloom.studio.runs.run_settings import RunSetting
from faceloom.studio.studio_project import ItemKind

pytestmark = needs_browser


@pytest.fixture
def studio(
    tmp_path: Path, browser: WebDriver, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StudioServer]:
    """A studio whose queue starts nothing."""
    for page, advice in (
        (run_page, "training_advice"),
        (run_page, "export_advice"),
        (demo_page, "demo_advice"),
        (project_page, "demo_advice"),
    ):
        monkeypatch.setattr(page, advice, lambda: "")
    with serve_studio(tmp_path / "project", tmp_path) as running:
        running.studio.runner.set_paused(True)
        with studio_page(browser, running):
            yield running


def _text(browser: WebDriver, selector: str) -> Callable[[], str]:
    return lambda: browser.execute_script(
        'return document.querySelector(arguments[0])?.textContent ?? ""', selector
    )


def test_two_clicks_queue_the_demo(browser: WebDriver, studio: StudioServer) -> None:
    panel = _text(browser, "#demo")
    wait_until(lambda: "Try the demo" in panel())
    click(browser, "[data-demo='/demo/clips']")
    wait_until(lambda: "Run the demo" in panel())
    click(browser, "[data-demo='/demo/start']")
    wait_until(lambda: "Job 1 of 6 waits in the queue" in panel())
    assert len(studio.studio.jobs.jobs()) == 6
    # The panel follows the queue without a new page.
    for job in studio.studio.jobs.jobs():
        studio.post(f"/jobs/{job.number}", action="stop")
    wait_until(lambda: "Continue" in panel())


def test_a_run_continues_with_other_settings_and_locked_faces(
    browser: WebDriver, studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = studio.studio.project.folder
    write_faceset(folder / "faces" / "ada", good_faces(3), "ada")
    (folder / "runs/first").mkdir(parents=True)
    (folder / "runs/first/config.yaml").write_text("schema: 2\nfaces:\n  ada: ../a\n")
    changeable = (
        RunSetting("batch_size", "8", (), "whole", 1, None, False, "Faces of a step."),
        RunSetting("tensorboard", "false", ("true", "false"), "", None, None, False, "For it."),
        RunSetting("preview_faces", "[]", (), "", None, None, True, "On the sheet."),
    )
    described = RunDescription(
        ("ada",), 128, 20, 100, changeable=changeable, face_sets=(("ada", folder / "faces/ada"),)
    )
    monkeypatch.setattr(run_page, "describe_run", lambda _: described)
    (run,) = studio.studio.project.items(ItemKind.RUN)
    browser.get(f"http://localhost:{studio.port}/runs/{run.id}")
    click(browser, "#lock-faces")
    command, problem = _text(browser, "#continue-command"), _text(browser, ".error-text")
    wait_until(lambda: command().endswith("--steps 100"))
    click(browser, ".face-choice")
    wait_until(lambda: "preview_faces=" in command())
    click(browser, "#settings summary")
    field = browser.find_element(By.CSS_SELECTOR, "[data-setting=batch_size]")
    field.clear()
    field.send_keys("0")
    wait_until(lambda: "a whole number from 1" in problem() and not command())
    field.clear()
    field.send_keys("16")
    wait_until(lambda: "batch_size=16" in command() and not problem())
    browser.find_element(By.ID, "settings-filter").send_keys("for it")
    wait_until(lambda: not field.is_displayed())
    click(browser, "#continue-form button[value=ok]")
    wait_until(studio.studio.jobs.jobs)
    (job,) = studio.studio.jobs.jobs()
    (face, *_) = sorted(path.stem for path in (folder / "faces/ada/crops").iterdir())
    settings = [value for value in job.request.arguments if "=" in value]
    assert settings == ["batch_size=16", f"preview_faces={json.dumps([f'ada/{face}'])}"]
    # What was shown is what is queued.
    wait_until(lambda: job.request.to_shell() in _text(browser, "#status")())


def write_run(folder: Path, scores: Sequence[float]) -> None:
    """Write a run that was judged at each preview."""
    (folder / "previews").mkdir(parents=True)
    (folder / "config.yaml").write_text("schema: 2\nfaces:\n  ada: ../a\n")
    rows = [
        {"step": step, "swap": "ada as ben", "score": score} for step, score in enumerate(scores, 1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for row in rows:
        sheet = np.full((8, 8, 3), row["step"], np.uint8)
        cv2.imwrite(str(folder / f"previews/step-{row['step']:08d}.png"), sheet)


def test_previews_play_as_a_time_lapse_and_runs_are_compared(
    browser: WebDriver, studio: StudioServer
) -> None:
    runs = studio.studio.project.folder / "runs"
    write_run(runs / "first", (10, 20, 30))
    write_run(runs / "second", (15, 25))
    (run, _) = studio.studio.project.items(ItemKind.RUN)
    browser.get(f"http://localhost:{studio.port}/runs/{run.id}")
    step, source = _text(browser, "#preview-step"), "return document.getElementById('preview').src"
    wait_until(lambda: step() == "Step 3")
    browser.find_element(By.ID, "lapse-slider").send_keys(Keys.HOME)
    wait_until(lambda: step() == "Step 1")
    assert browser.execute_script(source).endswith("/previews/1")
    click(browser, "#lapse-play")
    wait_until(lambda: step() == "Step 3")

    browser.get(f"http://localhost:{studio.port}/runs")
    legend = _text(browser, "#overlay .u-legend")
    wait_until(lambda: "first" in legend() and "second" in legend())
    click(browser, "#overlay-runs label:first-child")
    wait_until(lambda: "first" not in legend() and "second" in legend())
