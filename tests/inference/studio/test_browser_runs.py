"""The demo's panel and the dialog that continues a run, in a real browser."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
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

from faceloom.studio.demo_project import DemoState
from faceloom.studio.jobs.job import JobState
from faceloom.studio.jobs.job_queue import JobQueue
from faceloom.studio.pages import demo_page, project_page, run_page
from faceloom.studio.runs.run_description import RunDescription
from faceloom.studio.runs.run_settings import RunSetting
from faceloom.studio.runs.training_estimate import TrainingForecast
from faceloom.studio.studio_project import ItemKind, StudioProject

pytestmark = needs_browser
# Chooses the preset and the number of steps of a training.
_CHOOSE = """
const form = document.getElementById("train-form");
form.preset.value = arguments[0];
form.preset.dispatchEvent(new Event("change"));
form.steps.value = arguments[1];
form.steps.dispatchEvent(new Event("input"));
"""


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


@pytest.fixture
def after_page(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens when the next page of the project has been made, before the browser has it."""
    actions = list[Callable[[], object]]()
    read = project_page.read_demo_state

    def read_and_act(project: StudioProject, jobs: JobQueue) -> DemoState:
        state = read(project, jobs)
        while actions:
            actions.pop()()
        return state

    monkeypatch.setattr(project_page, "read_demo_state", read_and_act)
    return actions


def test_jobs_that_change_while_the_page_is_made_are_seen(
    browser: WebDriver, studio: StudioServer, after_page: list[Callable[[], object]]
) -> None:
    jobs, address = studio.studio.jobs, f"http://localhost:{studio.port}/"
    studio.post("/demo/clips")
    studio.post("/demo/start")
    after_page += [partial(studio.studio.runner.stop, job.number) for job in jobs.jobs()]
    browser.get(address)
    wait_until(lambda: "Continue" in _text(browser, "#demo")())
    faces = studio.studio.project.folder / "faces/ada"
    after_page.append(lambda: write_faceset(faces, good_faces(3), "ada"))
    after_page.append(partial(jobs.end, 1, {"state": JobState.DONE}))
    browser.get(address)
    wait_until(lambda: browser.find_elements(By.XPATH, "//strong[text()='ada']"))


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


def test_a_forecast_leaves_what_was_chosen_meanwhile(
    browser: WebDriver, studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = threading.Event(), threading.Event()

    def forecast(preset: str | None, steps: int | None) -> TrainingForecast:
        if preset is None:
            asked.set()
            assert release.wait(60)
        return TrainingForecast(preset or "laptop_128", 128, steps or 1000, 60, 1, 8, "1 core")

    monkeypatch.setattr(run_page, "forecast_training", forecast)
    for name in ("ada", "ben"):
        write_faceset(studio.studio.project.folder / "faces" / name, good_faces(3), name)
    browser.get(f"http://localhost:{studio.port}/runs")
    click(browser, "[data-open=train-dialog]")
    assert asked.wait(60)
    browser.execute_script(_CHOOSE, "smoke", 7)
    release.set()
    wait_until(lambda: "for 7 steps of smoke" in _text(browser, "#forecast")())


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
