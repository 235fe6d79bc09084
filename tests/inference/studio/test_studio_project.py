"""The folder of a project: what it lists, what it refuses."""

import json
from pathlib import Path

import pytest
from tests.helpers.studio.server import StudioServer, serve_studio

from faceloom.errors import ArtifactRefused, UsageError
from faceloom.studio.studio_project import ItemKind, StudioProject, item_id


@pytest.fixture
def project(tmp_path: Path) -> StudioProject:
    return StudioProject.open(tmp_path / "project")


def test_a_new_folder_becomes_a_project(project: StudioProject) -> None:
    assert json.loads((project.folder / "studio.json").read_text())["schema"] == 1
    assert all(project.items(kind) == () for kind in ItemKind)


def test_footage_and_artifacts_are_found_again(
    project: StudioProject, sample: Path, facesets: dict[str, Path]
) -> None:
    clip = next(sample.glob("*.mp4"))
    added = project.open_path(clip)
    project.open_path(clip)
    project.open_path(facesets["ada"])
    again = StudioProject.open(project.folder)
    assert again.items(ItemKind.CLIP) == (added,)
    assert [item.path for item in again.items(ItemKind.FACES)] == [facesets["ada"].resolve()]
    assert again.item(ItemKind.CLIP, item_id(clip.resolve())) == added
    again.remove_path(added)
    assert StudioProject.open(project.folder).items(ItemKind.CLIP) == ()
    assert clip.exists()


def test_other_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").touch()
    with pytest.raises(UsageError, match="contains other files"):
        StudioProject.open(tmp_path / "other")
    with pytest.raises(UsageError, match="is a file"):
        StudioProject.open(tmp_path / "other/file")


@pytest.mark.parametrize("content", ["{", '{"schema": 9}', '{"schema": 1, "clips": 5}'])
def test_a_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "studio.json").write_text(content)
    with pytest.raises(ArtifactRefused):
        StudioProject.open(tmp_path)


def test_what_the_project_cannot_use_is_refused(project: StudioProject, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("text")
    with pytest.raises(UsageError, match="add a video"):
        project.open_path(tmp_path / "text.txt")
    with pytest.raises(UsageError, match="no clip with the id"):
        project.item(ItemKind.CLIP, "0" * 12)


def test_one_studio_at_a_time(tmp_path: Path) -> None:
    with serve_studio(tmp_path / "project"), pytest.raises(UsageError, match="process"):
        serve_studio(tmp_path / "project").__enter__()


def test_the_page_adds_footage_and_extracts_faces(server: StudioServer, sample: Path) -> None:
    clip = next(sample.glob("*.mp4"))
    footage = server.studio.roots[0]
    (footage / "clip <b>.mp4").write_bytes(clip.read_bytes())
    server.studio.runner.set_paused(True)
    listing = server.get("/browse").json
    assert [entry["name"] for entry in listing["entries"]] == ["clip <b>.mp4"]
    added = server.post("/open", path=listing["entries"][0]["path"]).json
    assert "clip &lt;b&gt;.mp4" in server.get("/").text
    answer = server.post("/extract", name="ada", clips=[added["id"]])
    assert answer.json == {"job": 1}
    (job,) = server.studio.jobs.jobs()
    assert job.request.arguments[0] == "extract"
    assert job.request.arguments[1] == str(footage / "clip <b>.mp4")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"name": "ada", "clips": []}, "Choose at least one video"),
        ({"name": "a/b", "clips": ["x"]}, "no clip with the id"),
        ({"name": "", "clips": []}, "name"),
        ({"name": "ada", "clips": [], "every": 0}, "every"),
    ],
)
def test_an_extraction_is_refused_before_the_work(
    shared_server: StudioServer, form: dict[str, object], message: str
) -> None:
    answer = shared_server.post("/extract", **form)
    assert answer.status == 400
    assert message in answer.json["error"]
    assert not shared_server.studio.jobs.jobs()


def test_an_uploaded_video_becomes_a_clip(server: StudioServer, sample: Path) -> None:
    content = next(sample.glob("*.mp4")).read_bytes()
    answer = server.request("POST", "/upload?name=my%20clip.mp4", content)
    assert answer.status == 200
    item = server.studio.project.item(ItemKind.CLIP, answer.json["id"])
    assert item.path.read_bytes() == content
    again = server.request("POST", "/upload?name=my%20clip.mp4", content)
    assert again.status == 400
    assert "already" in again.json["error"]
