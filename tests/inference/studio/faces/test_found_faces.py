"""The faces that a running extraction has found so far."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers.studio.server import StudioServer

from faceloom.studio.faces.found_faces import find_newest
from faceloom.studio.jobs.job import JobRequest

JOURNAL = "0123456789abcdef"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """The face set of an extraction that has found 20 faces, the last of which is not complete."""
    crops = tmp_path / f"ada.work/{JOURNAL}/crops"
    crops.mkdir(parents=True)
    _, picture = cv2.imencode(".jpg", np.full((512, 512, 3), 128, np.uint8))
    for frame in range(19):
        (crops / f"000_{frame:06d}_0.jpg").write_bytes(picture.tobytes())
    (crops / "000_000019_0.jpg").write_bytes(picture.tobytes()[:50])
    return tmp_path / "ada"


def test_the_newest_complete_faces_are_shown(out: Path) -> None:
    found = find_newest(out)
    assert found.count == 20
    assert set(found.newest) == {f"{JOURNAL}.000_{frame:06d}_0" for frame in range(7, 19)}


def test_an_extraction_that_has_not_begun_has_found_none(tmp_path: Path) -> None:
    assert find_newest(tmp_path / "ada").count == 0


def test_the_queue_sends_them(server: StudioServer, out: Path) -> None:
    server.studio.runner.set_paused(True)
    jobs = server.studio.jobs
    jobs.add(JobRequest(title="Extract", arguments=("extract", "a.mp4"), artifact=str(out)))
    jobs.add(JobRequest(title="Train", arguments=("train",)))
    jobs.add(JobRequest(title="Extract", arguments=("extract", "a.mp4")))
    found = server.get("/jobs/1/faces").json
    assert found["count"] == 20
    picture = server.get(f"/jobs/1/faces/{found['newest'][0]}")
    assert picture.headers["content-type"] == "image/jpeg"
    faces = ["x", f"{JOURNAL}.", f"{JOURNAL}...x"]
    refused = ["2/faces", "3/faces", "4/faces", *(f"1/faces/{name}" for name in faces)]
    assert {server.get(f"/jobs/{path}").status for path in refused} == {400}
