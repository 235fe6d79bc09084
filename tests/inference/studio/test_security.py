"""Who may use the studio."""

import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import Route
from tests.helpers.studio.server import TOKEN, StudioServer, serve_studio

from faceloom.studio.pages import ROUTES, picker_page
from faceloom.studio.web.security import ANY_ADDRESS


def test_the_link_sets_a_cookie_that_scripts_and_other_sites_cannot_use(
    shared_server: StudioServer,
) -> None:
    answer = shared_server.request("GET", f"/?token={TOKEN}", headers={"Host": "localhost"})
    assert answer.status == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "127.0.0.1:9999"}, 200),  # through ssh -L
        ({"Host": "[::1]:9999"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "["}, 421),
        ({"Host": "192.168.1.5:8420"}, 421),
        ({"Cookie": ""}, 401),
        ({"Cookie": "faceloom_studio=other"}, 401),
        ({"Cookie": f"another={TOKEN}"}, 401),
    ],
)
def test_pages_need_the_cookie_and_a_name_of_this_machine(
    shared_server: StudioServer, headers: dict[str, str], status: int
) -> None:
    answer = shared_server.request("GET", "/", headers={**shared_server.own_headers(), **headers})
    assert answer.status == status


@pytest.mark.parametrize("token", ["", "other", TOKEN[:-1], TOKEN + "x", "%C3%A9"])
def test_a_wrong_token_is_refused(shared_server: StudioServer, token: str) -> None:
    answer = shared_server.request("GET", f"/?token={token}", headers={"Host": "localhost"})
    assert answer.status == 401


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://localhost:1", "https://localhost.evil"]
)
def test_changes_need_the_own_origin(shared_server: StudioServer, origin: str) -> None:
    headers = {**shared_server.own_headers(), "Origin": origin}
    shared_server.studio.runner.set_paused(False)
    assert shared_server.request("POST", "/jobs/pause", b'{"paused": true}', headers).status == 403
    assert not shared_server.studio.runner.is_paused
    assert shared_server.post("/jobs/pause", paused=True).status == 200
    assert shared_server.studio.runner.is_paused


@pytest.mark.parametrize("path", ["/", "/static/shared/studio.css", "/missing", "/jobs"])
def test_every_answer_has_the_policies(shared_server: StudioServer, path: str) -> None:
    headers = shared_server.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/static/../studio_project.py", "/static/%2e%2e/studio_project.py", "/static//etc/passwd"],
)
def test_only_static_files_are_served(shared_server: StudioServer, path: str) -> None:
    assert shared_server.get(path).status == 404


@pytest.mark.parametrize("path", ["/", "..", "/etc", "footage/../..", "footage/link"])
def test_the_picker_stays_within_its_roots(shared_server: StudioServer, path: str) -> None:
    (footage,) = shared_server.studio.roots
    if not (footage / "link").is_symlink():
        (footage / "link").symlink_to("/etc")
    place = footage.parent / path
    answer = shared_server.get(f"/browse?path={place}")
    assert answer.status == 400
    assert "--root" in answer.json["error"]
    assert shared_server.post("/open", path=str(place)).status == 400


@pytest.mark.parametrize("name", ["", ".", "..", "../x.mp4", "a/b.mp4", ".hidden", "%00.mp4"])
def test_uploads_have_plain_names(shared_server: StudioServer, name: str) -> None:
    assert shared_server.request("POST", f"/upload?name={name}", b"content").status == 400
    assert not list(shared_server.studio.project.folder.parent.rglob("*.mp4"))


def test_an_upload_that_is_no_video_is_refused(server: StudioServer, tmp_path: Path) -> None:
    answer = server.request("POST", "/upload?name=clip.mp4", b"<script>")
    assert answer.status == 400
    assert "is not a video" in answer.json["error"]
    assert not list((tmp_path / "project/clips").iterdir())


def test_an_upload_is_bounded(
    server: StudioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picker_page, "MAX_UPLOAD_BYTES", 10)
    answer = server.request("POST", "/upload?name=clip.mp4", b"x" * 11)
    assert (answer.status, "choose a larger one by its path" in answer.text) == (400, True)
    # A body without a declared length is counted while it comes.
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    parts = iter([b"x" * 11])
    headers = server.own_headers()
    connection.request("POST", "/upload?name=clip.mp4", parts, headers, encode_chunked=True)
    assert "choose a larger one by its path" in connection.getresponse().read().decode()
    connection.close()
    assert not list(tmp_path.rglob("*.mp4"))


def test_every_address_needs_the_cookie_and_every_change_the_origin(
    shared_server: StudioServer,
) -> None:
    routes = [route for pages in ROUTES for route in pages(shared_server.studio)]
    assert len(routes) > 50
    no_cookie = {**shared_server.own_headers(), "Cookie": ""}
    foreign = {**shared_server.own_headers(), "Origin": "http://evil.example"}
    for route in routes:
        assert isinstance(route, Route)
        path = re.sub(r"\{[^}]+\}", "1", route.path)
        for method in route.methods or ():
            assert shared_server.request(method, path, headers=no_cookie).status == 401, path
            if method not in ("GET", "HEAD"):
                assert shared_server.request(method, path, b"{}", foreign).status == 403, path
    assert not shared_server.studio.jobs.jobs()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"paused": 1, "other": 2}', b"x" * 2_000_000])
def test_bodies_are_checked(shared_server: StudioServer, body: bytes) -> None:
    answer = shared_server.request("POST", "/jobs/pause", body)
    assert answer.status == 400
    assert answer.json["error"].startswith("The request")


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    """A studio on all addresses."""
    folder = tmp_path_factory.mktemp("open") / "project"
    with serve_studio(folder, hosts=(ANY_ADDRESS,)) as running:
        yield running


@pytest.mark.parametrize(
    ("host", "status"), [("192.168.1.5:8420", 200), ("[fd00::5]:8420", 200), ("evil.example", 421)]
)
def test_a_studio_on_all_addresses_answers_each_address_and_no_foreign_name(
    open_server: StudioServer, host: str, status: int
) -> None:
    headers = {**open_server.own_headers(), "Host": host}
    assert open_server.request("GET", "/", headers=headers).status == status


@pytest.mark.parametrize("path", ["/faces/000000000000", "/browse?path=%00"])
def test_an_error_is_a_page_for_a_browser_and_json_for_a_script(
    shared_server: StudioServer, path: str
) -> None:
    page = shared_server.get(path, Accept="text/html")
    assert (page.status, "This page cannot be shown" in page.text) == (404, True)
    assert shared_server.get(path).json["error"]


def test_a_name_that_no_file_system_takes_is_refused(shared_server: StudioServer) -> None:
    answer = shared_server.request("POST", f"/upload?name={'x' * 300}.mp4", b"content")
    assert (answer.status, "too long" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing.js", 404),
        ("POST", "/runs/forecast", 405),
    ],
)
def test_an_unknown_address_is_answered_with_a_sentence(
    shared_server: StudioServer, method: str, path: str, status: int
) -> None:
    answer = shared_server.request(method, path)
    assert answer.status == status
    assert f"nothing at {path} for {method}" in answer.json["error"]
    page = shared_server.get("/nothing", Accept="text/html")
    assert page.status == 404
    assert "This page cannot be shown" in page.text


def test_a_failure_is_answered_with_a_sentence(
    server: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("secret detail")

    monkeypatch.setattr(type(server.studio.project), "items", fail)
    answer = server.get("/runs")
    assert answer.status == 500
    assert "The studio failed (ValueError)" in answer.text
    assert "secret" not in answer.text
