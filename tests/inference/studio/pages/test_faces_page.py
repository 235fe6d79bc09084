"""The page of a face set: its table, pictures, rejections and findings."""

import gzip
import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.facesets import changed, good_faces, write_faceset
from tests.helpers.studio.server import StudioServer

from faceloom.faceset import FaceSet
from faceloom.studio.faces.face_grid import SORT_ORDERS
from faceloom.studio.studio_project import item_id


@pytest.fixture
def folder(server: StudioServer) -> Path:
    """A face set of the project with a few faces of another person; its jobs wait."""
    server.studio.runner.set_paused(True)
    folder = server.studio.project.folder / "faces" / "ada"
    folder.parent.mkdir()
    write_faceset(folder, changed(good_faces(100), 0.05, person=1))
    return folder


@pytest.fixture
def url(folder: Path) -> str:
    return f"/faces/{item_id(folder)}"


def names(server: StudioServer, url: str) -> list[str]:
    found: list[str] = server.get(f"{url}/table").json["names"]
    return found


def test_the_project_links_to_the_page_which_offers_all_orders(
    server: StudioServer, url: str
) -> None:
    assert f'href="{url}"' in server.get("/").text
    page = server.get(url)
    assert page.status == 200
    assert all(f'<option value="{order.name}"' in page.text for order in SORT_ORDERS)


def test_the_table_is_compressed_if_the_browser_can(server: StudioServer, url: str) -> None:
    plain = server.get(f"{url}/table")
    packed = server.get(f"{url}/table", **{"Accept-Encoding": "gzip, deflate"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.content)) == plain.json
    assert len(plain.json["names"]) == 100


@pytest.mark.parametrize(("kind", "side"), [("thumbnail", 128), ("crop", 64)])
def test_pictures_are_sent_once(server: StudioServer, url: str, kind: str, side: int) -> None:
    path = f"{url}/{kind}/{names(server, url)[0]}"
    answer = server.get(path)
    assert answer.headers["content-type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (side, side, 3)
    again = server.get(path, **{"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.content) == (304, b"")


def test_a_thumbnail_with_the_version_of_its_table_stays_in_the_browser(
    server: StudioServer, url: str, folder: Path
) -> None:
    table = server.get(f"{url}/table").json
    path = f"{url}/thumbnail/{table['names'][0]}"
    assert server.get(path).headers["cache-control"] == "private, no-cache"
    kept = server.get(f"{path}?version={table['version']}").headers["cache-control"]
    assert "immutable" in kept
    server.post(f"{url}/reject", names=table["names"][:1])
    assert server.get(f"{url}/table").json["version"] == table["version"]
    (folder / "faces.jsonl").touch()
    assert server.get(f"{url}/table").json["version"] != table["version"]


# Each with the status of its refusal.
OTHER_NAMES = {
    "nobody": 400,
    "..": 400,
    "%2e%2e%2ffaceset": 404,
    "..%2f..%2fstudio": 404,
    "000_000000_0.jpg": 400,
    "%00": 400,
}


# One test for all addresses: each test starts a server.
def test_other_pictures_are_refused(server: StudioServer, url: str) -> None:
    for kind in ("thumbnail", "crop"):
        statuses = {name: server.get(f"{url}/{kind}/{name}").status for name in OTHER_NAMES}
        assert statuses == OTHER_NAMES


@pytest.mark.usefixtures("folder")
def test_unknown_face_sets_are_refused(server: StudioServer) -> None:
    paths = ("", "/table", "/reviewed", "/findings", "/thumbnail/x", "/crop/x")
    for item, path in itertools.product(("000000000000", "..", "ada"), paths):
        answer = server.get(f"/faces/{item}{path}")
        assert answer.status == 400, (item, path)
        assert "no faces with the id" in answer.json["error"]


def test_faces_are_rejected_and_restored(server: StudioServer, folder: Path, url: str) -> None:
    before = names(server, url)
    answer = server.post(f"{url}/reject", names=before[10:14])
    assert answer.json == {"moved": 4, "faces": 96}
    table = server.get(f"{url}/table").json
    assert (table["names"], table["can_undo"]) == (before[:10] + before[14:], True)
    assert len(FaceSet.read(folder)) == 96
    assert server.post(f"{url}/undo").json == {"moved": 4, "faces": 100}
    assert names(server, url) == before
    undone = server.post(f"{url}/undo")
    assert (undone.status, "no dropped faces" in undone.json["error"]) == (400, True)


BODIES = {
    "no names": b'{"names": []}',
    "not names": b'{"names": [1]}',
    "another key": b'{"names": ["000_000000_0"], "force": true}',
    "no JSON": b"names",
    "an unknown name": b'{"names": ["000_000000_0", "nobody"]}',
    "a path": b'{"names": ["../faceset"]}',
    "too large": b'{"names": ["' + b"a" * 2_000_000 + b'"]}',
}


def test_bad_rejections_are_refused(server: StudioServer, url: str) -> None:
    for name, body in BODIES.items():
        answer = server.request("POST", f"{url}/reject", body)
        assert answer.status == 400, name
        assert answer.json["error"].endswith("."), name
        assert len(names(server, url)) == 100, name


def test_all_faces_are_not_rejected(server: StudioServer, url: str) -> None:
    answer = server.post(f"{url}/reject", names=names(server, url))
    assert (answer.status, "drop all 100 faces" in answer.json["error"]) == (400, True)


def test_a_finding_becomes_a_job_only_as_it_is_shown(
    server: StudioServer, folder: Path, url: str
) -> None:
    assert "5 of ada&#39;s 100 faces look like another person" in server.get(f"{url}/findings").text
    command = f"faceloom curate {folder} --keep-identity --apply"
    for other in (command.replace("--keep-identity", "--dedupe"), "faceloom doctor", "rm x"):
        answer = server.post(f"{url}/remove", command=other)
        assert (answer.status, "findings have changed" in answer.json["error"]) == (400, True)
    assert server.post(f"{url}/remove", command=command).json == {"job": 1}
    (job,) = server.studio.jobs.jobs()
    assert job.request.arguments == ("curate", str(folder), "--keep-identity", "--apply")
    assert 'data-job="1"' in server.get(f"{url}/findings").text


def test_a_review_becomes_a_job_once(server: StudioServer, url: str) -> None:
    assert server.post(f"{url}/review").json == {"job": 1}
    again = server.post(f"{url}/review")
    assert (again.status, "Job 1" in again.json["error"]) == (400, True)
    (job,) = server.studio.jobs.jobs()
    assert job.request.arguments[0] == "review"
    assert server.studio.project.folder / ".studio" in Path(job.request.artifact).parents
