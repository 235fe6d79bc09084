"""The demo on the page of the project: offered when it is empty, queued by one button."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.helpers.studio.server import StudioServer
from tests.helpers.studio.waiting import wait_until

from faceloom.studio.demo_project import read_demo_state
from faceloom.studio.jobs.job import JobState
from faceloom.studio.pages import demo_page
from faceloom.studio.studio_project import ItemKind


@pytest.fixture(autouse=True)
def _can_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_page, "demo_advice", lambda: "")


def _clips(server: StudioServer) -> list[str]:
    return [item.name for item in server.studio.project.items(ItemKind.CLIP)]


def test_an_empty_project_offers_the_demo(server: StudioServer) -> None:
    assert "Try the demo" in server.get("/").text
    assert server.post("/demo/clips").status == 200
    assert _clips(server) == ["train_ben.mp4", "target_ada.mp4", "train_ada.mp4"]
    assert all(
        item.path.parent == server.studio.project.folder / "clips"
        for item in server.studio.project.items(ItemKind.CLIP)
    )
    text = server.get("/").text
    assert "Run the demo" in text
    assert "Try the demo" not in text
    # A second click changes nothing.
    assert server.post("/demo/clips").status == 200
    assert len(_clips(server)) == 3


def test_a_project_with_other_items_shows_nothing_of_the_demo(
    server: StudioServer, sample: Path
) -> None:
    server.studio.project.open_path(sample / "train_ada.mp4")
    assert 'class="panel demo"' not in server.get("/").text
    assert "add them first" in server.post("/demo/start").json["error"]


def test_another_video_of_the_same_name_is_kept(server: StudioServer) -> None:
    path = server.studio.project.new_path(ItemKind.CLIP, "train_ada.mp4")
    path.parent.mkdir()
    path.write_bytes(b"mine")
    answer = server.post("/demo/clips")
    assert answer.status == 400
    assert "another video" in answer.json["error"]
    assert path.read_bytes() == b"mine"


@pytest.mark.process
def test_one_button_queues_the_whole_swap(
    server: StudioServer, fake_commands: Callable[[], list[str]]
) -> None:
    server.studio.runner.set_paused(True)
    server.post("/demo/clips")
    assert server.post("/demo/start").status == 200
    jobs = server.studio.jobs.jobs()
    commands = [job.request.arguments[0] for job in jobs]
    assert commands == ["extract", "extract", "train", "export", "convert", "compare"]
    folder = server.studio.project.folder
    assert f"ada={folder}/faces/ada" in jobs[2].request.arguments
    assert "Job 1 of 6 waits in the queue" in server.get("/demo").text
    # A second click adds no second job.
    server.post("/demo/start")
    assert len(server.studio.jobs.jobs()) == 6
    server.post(f"/jobs/{jobs[2].number}", action="stop")
    server.studio.runner.set_paused(False)
    wait_until(lambda: all(job.has_ended for job in server.studio.jobs.jobs()))
    assert len(fake_commands()) == 5


@pytest.mark.process
def test_what_was_stopped_continues(
    server: StudioServer, fake_commands: Callable[[], list[str]]
) -> None:
    server.studio.runner.set_paused(True)
    server.post("/demo/clips")
    server.post("/demo/start")
    for job in server.studio.jobs.jobs():
        server.post(f"/jobs/{job.number}", action="stop")
    state = read_demo_state(server.studio.project, server.studio.jobs)
    assert (state.current, len(state.remaining)) == (None, 6)
    assert "stopped" in state.problem
    server.post("/demo/start")
    assert {job.state for job in server.studio.jobs.jobs()} == {JobState.WAITING}
    assert len(server.studio.jobs.jobs()) == 6


def test_without_the_trainer_the_panel_says_what_to_install(
    server: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.post("/demo/clips")
    advice = "Training needs the package keras; run: pip install keras"
    monkeypatch.setattr(demo_page, "demo_advice", lambda: advice)
    assert advice in server.get("/demo").text
    assert server.post("/demo/start").json["error"] == advice
    assert not server.studio.jobs.jobs()
