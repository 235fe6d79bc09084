"""The swap page shows stills by ids and adds conversions to the queue."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import cv2
import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.studio.clip import ALL_FRAMES, make_studio_clip
from tests.helpers.studio.server import StudioServer, serve_studio

from faceloom.hashing import sha256_of
from faceloom.image_io import write_png
from faceloom.project import step_process
from faceloom.studio.pages import swap_page
from faceloom.studio.results.original import find_original
from faceloom.studio.stills import StillEngine, StillRequest
from faceloom.studio.studio_project import Item
from faceloom.swap import ConvertOptions, SwapOptions, SwapRequest
from faceloom.swap.batch.job_file import read_job_file
from faceloom.video import FrameRange, read_frames


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    folder = tmp_path_factory.mktemp("studio")
    with serve_studio(folder / "project", folder) as running:
        running.studio.runner.set_paused(True)
        yield running


@pytest.fixture(scope="module")
def clip(server: StudioServer, tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Item:
    path = make_studio_clip(tmp_path_factory.mktemp("clips") / "Ada's clip.mp4", sample)
    return server.studio.project.open_path(path)


@pytest.fixture(scope="module")
def bundle(server: StudioServer, tmp_path_factory: pytest.TempPathFactory) -> Item:
    path = make_bundle(tmp_path_factory.mktemp("bundles") / "ben.bundle")
    return server.studio.project.open_path(path)


def decoded(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)


def test_a_project_without_a_video_says_what_to_do(tmp_path: Path) -> None:
    with serve_studio(tmp_path / "project", tmp_path) as empty:
        page = empty.get("/swap")
    assert page.status == 200
    assert "There is no video to swap a face in" in page.text
    assert "/swap.js" not in page.text


def test_the_page_offers_the_clips_and_bundles(
    server: StudioServer, clip: Item, bundle: Item
) -> None:
    page = server.get("/swap").text
    assert f'value="{clip.id}"' in page
    assert "Ada&#39;s clip.mp4" in page
    assert f'value="{bundle.id}"' in page
    assert "style=" not in page
    for file in (
        "swap.js",
        "swap_stage.js",
        "swap_settings.js",
        "swap_timeline.js",
        "timeline_marks.js",
        "timeline_marks.css",
        "swap.css",
        "convert_panel.js",
    ):
        assert server.get(f"/static/swap/{file}").status == 200


def test_the_clip_and_the_bundle_are_described(
    server: StudioServer, clip: Item, bundle: Item
) -> None:
    info = server.get(f"/swap/clip/{clip.id}").json
    assert (info["frames"], info["rate"], len(info["thumbnails"])) == (ALL_FRAMES, 25, 12)
    assert server.get(f"/swap/bundle/{bundle.id}").json == {
        "color": "none", "erode": 0.03, "feather": 0.03, "sharpen": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["frame", "thumbnail", "still"])
def test_a_picture_is_sent_once(server: StudioServer, clip: Item, bundle: Item, kind: str) -> None:
    url = f"/{kind}/{clip.id}/{bundle.id}/7" if kind == "still" else f"/{kind}/{clip.id}/7"
    first = server.get_picture(url)
    assert (first.status, first.headers["content-type"]) == (200, "image/jpeg")
    assert decoded(first.content).shape[0] == (90 if kind == "thumbnail" else 160)
    again = server.get(url, **{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.content) == (304, b"")
    other = server.get_picture(url[:-1] + "8")
    assert other.headers["etag"] != first.headers["etag"]


def test_a_still_shows_its_settings(server: StudioServer, clip: Item, bundle: Item) -> None:
    query = urlencode({"erode": 0.1, "mask": "mesh", "view": "swap", "select": "all"})
    answer = server.get_picture(f"/still/{clip.id}/{bundle.id}/9?{query}")
    options = SwapOptions(erode=0.1, mask="mesh", select="all")
    expected = StillEngine().still(StillRequest(clip.path, bundle.path, 9, options))
    difference = cv2.absdiff(decoded(answer.content), expected.picture)
    assert difference.mean() < 2
    assert answer.headers["x-swapped-faces"] == "1"
    assert answer.headers["server-timing"].startswith("still;dur=")
    other = server.get_picture(f"/still/{clip.id}/{bundle.id}/9?erode=0.02")
    assert other.headers["etag"] != answer.headers["etag"]
    last = server.get_picture(f"/still/{clip.id}/{bundle.id}/25")
    assert last.headers["x-swapped-faces"] == "0"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("/still/{clip}/{bundle}/99", "has no frame 99; its frames are 0 to 25"),
        ("/frame/{clip}/99", "has no frame 99"),
        ("/still/{clip}/{bundle}/3?erode=0.5", "The settings cannot be used: erode"),
        ("/still/{clip}/{bundle}/3?out=/etc/passwd", "The settings cannot be used: out"),
        ("/still/{clip}/{bundle}/3?select=tallest", "The settings cannot be used: select"),
        ("/still/{clip}/0123456789ab/3", "no bundle with the id"),
        ("/still/{bundle}/{bundle}/3", "no clip with the id"),
        ("/thumbnail/nothing/3", "no clip with the id"),
    ],
)
def test_an_impossible_picture_is_refused(
    server: StudioServer, clip: Item, bundle: Item, url: str, sentence: str
) -> None:
    answer = server.get(url.format(clip=clip.id, bundle=bundle.id))
    assert answer.status == 400
    assert sentence in answer.json["error"]


def test_a_still_swaps_the_people_of_its_address(
    server: StudioServer, clip: Item, bundle: Item, sample: Path
) -> None:
    picture = server.studio.project.folder / "ada.png"
    write_png(picture, next(iter(read_frames(sample / "target_ada.mp4"))).rgb)
    faces = {}
    for name in ("reference", "exclude"):
        query = urlencode({"people": json.dumps({name: [str(picture)]}), "draft": "true"})
        answer = server.get(f"/still/{clip.id}/{bundle.id}/9?{query}")
        faces[name] = answer.headers["x-swapped-faces"]
    assert faces == {"reference": "1", "exclude": "0"}


def test_an_exact_still_is_answered_with_progress_first(
    server: StudioServer, clip: Item, bundle: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap_page, "_PREPARE_SECONDS", 0)
    # No other still has computed a part of it.
    query = urlencode({"people": json.dumps({"threshold": 0.1})})
    url = f"/still/{clip.id}/{bundle.id}/2?{query}"
    answers = [server.get(url) for _ in range(2)]
    assert [answer.json for answer in answers] == [{"done": done, "total": 3} for done in (1, 2)]
    assert {answer.status for answer in answers} == {202}
    # A draft does not wait for it.
    assert server.get(f"{url}&draft=true").status == 200
    last = server.get(url)
    assert (last.status, last.headers["x-swapped-faces"]) == (200, "1")


@pytest.mark.parametrize(
    ("people", "select", "sentence"),
    [
        ({"reference": ["/etc/passwd"]}, "", "outside the folders"),
        ({"exclude": ["face.png"]}, "", "not an absolute path"),
        ({"threshold": 2}, "", "The settings cannot be used: people.threshold"),
        ({"person_bundles": [{"number": 1, "bundle": "{bundle}"}]}, "", "has no person 1"),
        ({"person_bundles": [{"number": 1, "bundle": "{bundle}"}]}, "all", "cannot be combined"),
    ],
)
def test_impossible_people_of_a_still_are_refused(
    server: StudioServer,
    clip: Item,
    bundle: Item,
    people: dict[str, object],
    select: str,
    sentence: str,
) -> None:
    text = json.dumps(people).replace("{bundle}", bundle.id)
    query = urlencode({"people": text, **({"select": select} if select else {})})
    answer = server.get(f"/still/{clip.id}/{bundle.id}/9?{query}")
    assert (answer.status, sentence in answer.json["error"]) == (400, True), answer.json


def form(clip: Item, bundle: Item, changes: dict[str, object]) -> dict[str, object]:
    return {"clip": clip.id, "bundle": bundle.id, "name": "first", **changes}


def test_the_command_and_the_job_are_what_the_form_says(
    server: StudioServer, clip: Item, bundle: Item
) -> None:
    settings = {"mask": "mesh", "erode": 0.05, "select": "all"}
    options = {"quality": 60, "speed": "small", "first_frame": 2, "last_frame": 9}
    body = form(clip, bundle, {"options": options, "settings": settings})
    out = server.studio.project.folder / "swaps" / "first.mp4"
    command = server.post("/swap/command", **body).json["command"]
    number = server.post("/swap/convert", **body).json["job"]
    job = server.studio.jobs.job(number)
    assert job.request.to_shell() == command
    assert job.request.arguments == (
        "convert", str(clip.path), "--bundle", str(bundle.path), "--out", str(out),
        "--select", "all", "--mask", "mesh", "--erode", "0.05",
        "--range", "2:10", "--speed", "small", "--quality", "60",
    )  # fmt: skip
    assert job.request.artifact == str(out)
    again = server.post("/swap/convert", **body)
    assert (again.status, "makes" in again.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": " "}, "The output has no name"),
        ({"name": "../up"}, "is not a file name"),
        ({"name": "there"}, "There is a swap there already"),
        ({"options": {"quality": 101}}, "The request cannot be used: options.quality"),
        ({"options": {"speed": "warp"}}, "The request cannot be used: options.speed"),
        ({"options": {"first_frame": 26}}, "contains no frame"),
        ({"options": {"first_frame": 9, "last_frame": 8}}, "before the first one"),
        ({"options": {"label": "word " * 40}}, "does not fit legibly"),
        ({"options": {"encoder": "lossless", "quality": 5}}, "leave it out"),
        ({"options": {"reference": ["/etc/passwd"]}}, "outside the folders"),
        ({"settings": {"erode": 1}}, "The request cannot be used: settings.erode"),
        ({"force": True}, "The request cannot be used: force"),
        ({"clip": "nothing"}, "no clip with the id"),
    ],
)
def test_an_impossible_conversion_is_refused(
    server: StudioServer, clip: Item, bundle: Item, changes: dict[str, object], sentence: str
) -> None:
    swaps = server.studio.project.folder / "swaps"
    swaps.mkdir(exist_ok=True)
    (swaps / "there.mp4").write_bytes(b"")
    before = len(server.studio.jobs.jobs())
    answer = server.post("/swap/convert", **form(clip, bundle, changes))
    assert answer.status == 400
    assert sentence in answer.json["error"]
    assert len(server.studio.jobs.jobs()) == before


@pytest.mark.process
def test_an_estimate_is_measured_once(
    server: StudioServer, clip: Item, bundle: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = form(clip, bundle, {"options": {"last_frame": 3}})
    answer = server.post("/swap/estimate", **body)
    assert answer.status == 200, answer.text
    assert "for 4 frames; measured on 4 frames of Ada's clip.mp4." in answer.json["sentence"]
    assert answer.json["is_busy"] is False
    monkeypatch.setattr(step_process, "PROGRAM", ("false",))
    renamed = {**body, "name": "second", "sections": SECTIONS}
    assert server.post("/swap/estimate", **renamed).json == answer.json
    other = server.post("/swap/estimate", **{**body, "settings": {"mask": "mesh"}})
    assert "command failed" in other.json["error"]


def test_a_picture_of_the_machine_is_shown_and_named(
    server: StudioServer, clip: Item, bundle: Item
) -> None:
    (root,) = server.studio.roots
    picture = root / "ben's face.png"
    write_png(picture, np.full((400, 200, 3), 90, np.uint8))
    (root / "notes.txt").write_text("none")
    listed = server.get(f"/browse?{urlencode({'path': str(root), 'kind': 'picture'})}").json
    assert [entry["name"] for entry in listed["entries"]] == ["project", "ben's face.png"]
    shown = server.get(f"/picture?{urlencode({'path': str(picture)})}")
    assert decoded(shown.content).shape == (160, 80, 3)
    body = form(clip, bundle, {"options": {"reference": [str(picture)]}})
    assert (
        server.post("/swap/command", **body)
        .json["command"]
        .endswith(f"--reference {shlex.quote(str(picture))}")
    )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("notes.txt", "another file; choose a picture"),
        ("missing.png", "missing; choose a picture"),
        ("../../../etc/passwd", "outside the folders"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(
    server: StudioServer, path: str, sentence: str
) -> None:
    (root,) = server.studio.roots
    (root / "notes.txt").write_text("none")
    answer = server.get(f"/picture?{urlencode({'path': str(root / path)})}")
    assert (answer.status, sentence in answer.json["error"]) == (400, True)


SECTIONS = [
    {"start": 5, "stop": 12, "settings": {"erode": 0.1, "select": "all"}},
    {"start": 12, "stop": 20, "swap": False},
]


def test_sections_are_kept_with_the_project(server: StudioServer, clip: Item) -> None:
    assert server.get(f"/swap/clip/{clip.id}").json["sections"] == []
    assert server.post(f"/swap/sections/{clip.id}", sections=SECTIONS).status == 200
    assert server.get(f"/swap/clip/{clip.id}").json["sections"] == SECTIONS
    path = server.studio.project.folder / "sections" / f"{clip.id}.json"
    assert json.loads(path.read_text())["clip"] == str(clip.path)
    assert server.post(f"/swap/sections/{clip.id}", sections=[]).status == 200
    assert server.get(f"/swap/clip/{clip.id}").json["sections"] == []


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ([{"start": 5, "stop": 5}], "the section from 5 to 5 has no frame"),
        ([{"start": 0, "stop": 9}, {"start": 8, "stop": 12}], "0 to 9 and 8 to 12 overlap"),
        ([{"start": -1, "stop": 9}], "sections"),
        ([{"start": 0, "stop": 9, "settings": {"erode": 3}}], "erode"),
    ],
)
def test_impossible_sections_are_refused(
    server: StudioServer, clip: Item, bundle: Item, sections: list[object], sentence: str
) -> None:
    answers = [
        server.post(f"/swap/sections/{clip.id}", sections=sections),
        server.post("/swap/command", **form(clip, bundle, {"sections": sections})),
    ]
    query = urlencode({"sections": json.dumps(sections)})
    answers.append(server.get(f"/still/{clip.id}/{bundle.id}/9?{query}"))
    assert [answer.status for answer in answers] == [400] * 3
    assert all(sentence in answer.json["error"] for answer in answers)


def test_a_still_shows_the_section_of_its_frame(
    server: StudioServer, clip: Item, bundle: Item
) -> None:
    query = urlencode({"mask": "mesh", "sections": json.dumps(SECTIONS)})
    address = f"/still/{clip.id}/{bundle.id}"
    stills = [server.get_picture(f"{address}/{frame}?{query}") for frame in (4, 15)]
    assert [still.headers["x-swapped-faces"] for still in stills] == ["1", "0"]


def test_a_conversion_with_sections_reads_a_job_file(
    server: StudioServer, clip: Item, bundle: Item
) -> None:
    settings = {"erode": 0.05, "sharpen": 0.3, "select": "all"}
    body = form(clip, bundle, {"name": "parts", "settings": settings, "sections": SECTIONS})
    swaps = server.studio.project.folder / "swaps"
    shown = server.post("/swap/command", **body).json
    assert not list(swaps.glob("parts.*.toml"))
    number = server.post("/swap/convert", **body).json["job"]
    request = server.studio.jobs.job(number).request
    job_file = Path(request.arguments[2])
    content = job_file.read_bytes()
    stem = f"parts.mp4.{sha256_of(content)[:8]}"
    assert job_file == swaps / f"{stem}.toml"
    assert shown == {"command": request.to_shell(), "job_file": content.decode()}
    assert request.arguments == (
        "convert", "--job", str(job_file), "--report", str(swaps / f"{stem}.report.json"),
        "--bundle", str(bundle.path), "--select", "all", "--erode", "0.05", "--sharpen", "0.3",
    )  # fmt: skip
    command = ConvertOptions(select="all", erode=0.05, sharpen=0.3)
    (job,) = read_job_file(job_file, SwapRequest(bundle=bundle.path), command)
    assert (job.target, job.out) == (clip.path, swaps / "parts.mp4")
    first, second = job.options.sections
    assert first.options == SwapOptions(erode=0.1, select="all")
    assert (first.frames, second.frames) == (FrameRange(5, 12), FrameRange(12, 20))
    assert (first.swap, second.swap) == (True, False)
    assert find_original(swaps / "parts.mp4", server.studio.jobs.jobs()) == clip.path
    again = server.post("/swap/convert", **{**body, "settings": {}})
    assert (again.status, "makes" in again.json["error"]) == (400, True)
    # Other sections and another container of the same name have job files of their own.
    jobs = server.studio.jobs
    jobs.stop_waiting(number)
    changes = [{"sections": SECTIONS[:1]}, {"options": {"container": "mkv"}}]
    others = [server.post("/swap/convert", **{**body, **change}).json["job"] for change in changes]
    files = {jobs.job(each).request.arguments[2] for each in (number, *others)}
    assert len(files) == 3
    assert job_file.read_bytes() == content
