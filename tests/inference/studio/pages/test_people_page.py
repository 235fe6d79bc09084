"""The people of a clip: the search beside the queue, and an extraction for each person."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip
from tests.helpers.studio.server import StudioServer
from tests.helpers.studio.waiting import wait_until

from faceloom.image_io import write_png
from faceloom.json_documents import to_json
from faceloom.project.people_listing import PEOPLE_FILE, ListedPerson, PeopleFile
from faceloom.project.step_process import StepProcess
from faceloom.studio.studio_project import Item


@pytest.fixture
def clip(server: StudioServer, tmp_path: Path) -> Item:
    picture = np.full((48, 64, 3), 90, np.uint8)
    return server.studio.project.open_path(make_clip(tmp_path / "a & b.mp4", [picture] * 3))


@pytest.fixture
def found(server: StudioServer, clip: Item) -> Path:
    """Two people who were found before; no job is started."""
    server.studio.runner.set_paused(True)
    folder = server.studio.people.folder_of(clip)
    folder.mkdir(parents=True)
    names = [("person-1.png", "person-1-2.png"), ("person-2.png",)]
    for name in (name for portraits in names for name in portraits):
        write_png(folder / name, np.full((320, 320, 3), 90, np.uint8))
    people = tuple(
        ListedPerson(number=number, frames=10 * number, portraits=portraits)
        for number, portraits in enumerate(names, 1)
    )
    file = PeopleFile(faceloom_version="0", samples=40, people=people)
    (folder / PEOPLE_FILE).write_text(to_json(file))
    return folder


def test_the_page_says_what_to_do_and_shows_who_was_found(
    server: StudioServer, clip: Item, request: pytest.FixtureRequest
) -> None:
    assert f'href="/people/{clip.id}"' in server.get("/").text
    before = server.get(f"/people/{clip.id}").text
    assert "People of a &amp; b.mp4" in before
    assert "people-form" not in before
    request.getfixturevalue("found")
    page = server.get(f"/people/{clip.id}").text
    assert "In 25 % of 40 frames" in page
    portrait = server.get(f"/people/{clip.id}/portrait/2")
    assert (portrait.status, portrait.headers["content-type"]) == (200, "image/png")
    assert "has no person 3" in server.get(f"/people/{clip.id}/portrait/3").json["error"]
    # Another video of that name has other people.
    make_clip(clip.path, [np.zeros((48, 64, 3), np.uint8)] * 9)
    assert "people-form" not in server.get(f"/people/{clip.id}").text


def test_each_person_becomes_a_job(server: StudioServer, clip: Item, found: Path) -> None:
    people = [{"number": 1, "name": "ada"}, {"number": 2, "name": " ben "}]
    answer = server.post(f"/people/{clip.id}/extract", people=people, every=2)
    jobs = [server.studio.jobs.job(number).request for number in answer.json["jobs"]]
    faces = server.studio.project.folder / "faces"
    start = ("extract", str(clip.path), "--out")
    assert [job.arguments for job in jobs] == [
        (*start, str(faces / "ada"), "--every", "2", "--reference", str(found / "person-1.png"),
         "--reference", str(found / "person-1-2.png")),
        (*start, str(faces / "ben"), "--every", "2", "--reference", str(found / "person-2.png")),
    ]  # fmt: skip


@pytest.fixture
def bundle(server: StudioServer, tmp_path: Path) -> Item:
    return server.studio.project.open_path(make_bundle(tmp_path / "ben.bundle"))


def test_the_people_of_a_clip_get_bundles(
    server: StudioServer, clip: Item, found: Path, bundle: Item
) -> None:
    first = [str(found / "person-1.png"), str(found / "person-1-2.png")]
    assert server.get(f"/people/{clip.id}/list").json["people"] == [
        {"number": 1, "pictures": first},
        {"number": 2, "pictures": [str(found / "person-2.png")]},
    ]
    body = {"clip": clip.id, "bundle": bundle.id, "name": "both",
            "person_bundles": [{"number": 1, "bundle": bundle.id}]}  # fmt: skip
    job = server.studio.jobs.job(server.post("/swap/convert", **body).json["job"]).request
    maps = [part for path in first for part in ("--map", f"{path}={bundle.path}")]
    assert list(job.arguments[2:6]) == maps
    assert "--bundle" not in job.arguments
    assert job.title == "Swap a & b.mp4 with ben"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"person_bundles": [{"number": 7, "bundle": "{bundle}"}]}, "has no person 7"),
        ({"person_bundles": [{"number": 1, "bundle": "nothing"}]}, "no bundle with the id"),
        ({"settings": {"select": "all"}}, "set Faces to Largest face"),
    ],
)
@pytest.mark.usefixtures("found")
def test_impossible_bundles_for_people_are_refused(
    server: StudioServer, clip: Item, bundle: Item, changes: dict[str, Any], sentence: str
) -> None:
    body: dict[str, Any] = {"clip": clip.id, "bundle": bundle.id, "name": "both",
            "person_bundles": [{"number": 1, "bundle": bundle.id}], **changes}  # fmt: skip
    text = json.dumps(body).replace("{bundle}", bundle.id)
    answer = server.post("/swap/convert", **json.loads(text))
    assert (answer.status, sentence in answer.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("people", "sentence"),
    [
        ([], "Choose at least one person"),
        ([{"number": 1, "name": "ada"}, {"number": 2, "name": " "}], "Person 2 has no name"),
        ([{"number": 1, "name": "x"}, {"number": 2, "name": "x"}], "Two people are named x"),
        ([{"number": 1, "name": "ada"}, {"number": 2, "name": "../up"}], "is not a file name"),
        ([{"number": 1, "name": "ada"}, {"number": 9, "name": "ben"}], "has no person 9"),
        ([{"number": 1, "name": "ada"}, {"number": 2, "name": "there"}], "a face set there"),
    ],
)
@pytest.mark.usefixtures("found")
def test_people_who_cannot_be_extracted_are_refused(
    server: StudioServer, clip: Item, people: list[dict[str, object]], sentence: str
) -> None:
    (server.studio.project.folder / "faces" / "there").mkdir(parents=True)
    answer = server.post(f"/people/{clip.id}/extract", people=people)
    assert (answer.status, sentence in answer.json["error"]) == (400, True)
    assert not server.studio.jobs.jobs()


@pytest.mark.process
def test_a_search_runs_once_and_says_why_it_fails(
    server: StudioServer, clip: Item, fake_commands: Callable[[], list[str]]
) -> None:
    Path("wait.txt").write_text("--list-people")
    assert server.post(f"/people/{clip.id}/find").status == 200
    wait_until(fake_commands)
    assert "wait until the search ends" in server.post(f"/people/{clip.id}/find").json["error"]
    server.studio.people.close()
    wait_until(lambda: (search := server.studio.people.search) and search.error)

    Path("fail.txt").write_text("--list-people")
    assert server.post(f"/people/{clip.id}/find").status == 200
    wait_until(lambda: (search := server.studio.people.search) and "not work" in search.error)
    (command, _) = fake_commands()
    folder = server.studio.people.folder_of(clip)
    assert command == f"extract {clip.path} --list-people --out {folder} --force --json"


@pytest.mark.process
def test_a_search_that_ends_is_forgotten(
    server: StudioServer, clip: Item, fake_commands: Callable[[], list[str]]
) -> None:
    server.post(f"/people/{clip.id}/find")
    wait_until(fake_commands)
    wait_until(lambda: server.studio.people.search is None)


@pytest.mark.process
def test_a_search_that_is_closed_as_it_starts_ends(
    server: StudioServer,
    clip: Item,
    fake_commands: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("wait.txt").write_text("--list-people")
    start = StepProcess.start

    @contextmanager
    def closed(*arguments: Any) -> Iterator[StepProcess]:
        with start(*arguments) as child:
            server.studio.people.close()
            yield child

    monkeypatch.setattr(StepProcess, "start", closed)
    server.post(f"/people/{clip.id}/find")
    wait_until(lambda: (search := server.studio.people.search) and search.error)
