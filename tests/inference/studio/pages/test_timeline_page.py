"""The marks of a timeline: faces and cuts of a scan, and the worst moments of the last swap."""

import json
import os
from pathlib import Path

import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.studio.clip import ALL_FRAMES, FACE_FRAMES
from tests.helpers.studio.comparison import write_comparison
from tests.helpers.studio.server import StudioServer
from tests.helpers.studio.waiting import wait_until

from faceloom.errors import UsageError
from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.results import clip_moments
from faceloom.studio.results.judgment import judgment_path
from faceloom.studio.results.original import record_original
from faceloom.studio.scans import clip_scanner
from faceloom.studio.studio_project import Item

# The frames of `write_comparison` with visible faults.
WORST = [2, 3]


@pytest.fixture
def clip(server: StudioServer, studio_clip: Path) -> Item:
    server.studio.runner.set_paused(True)
    return server.studio.project.open_path(studio_clip)


def make_swap(server: StudioServer, clip: Path, name: str, compared: int) -> Path:
    """Write a swap, and a comparison of the given time in seconds."""
    folder = server.studio.project.folder / "swaps"
    folder.mkdir(exist_ok=True)
    swap = make_clip(folder / name, wave_images(6))
    record_original(swap, clip)
    write_comparison(judgment_path(swap))
    os.utime(judgment_path(swap), (compared, compared))
    os.utime(swap, (1, 1))
    return swap


def moments(server: StudioServer, clip: Item) -> tuple[str, list[int]]:
    found = server.get(f"/swap/moments/{clip.id}").json
    name = found["swap"]["name"] if found["swap"] else ""
    return name, [moment["frame"] for moment in found["moments"]]


def test_a_page_that_asks_gets_faces_and_cuts(
    server: StudioServer, clip: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/swap/scan/{clip.id}"
    with server.studio.scanner.paused():
        assert server.get(address).json == {"frames": None, "error": ""}
    wait_until(lambda: server.get(address).json.get("done") == ALL_FRAMES)
    answer = server.get(address).json
    assert answer == {
        "frames": ALL_FRAMES,
        "done": ALL_FRAMES,
        "cuts": [FACE_FRAMES],
        "runs": [[0, 1], [FACE_FRAMES, 0]],
        "error": "",
    }
    assert server.get("/swap/scan/nobody").status == 400

    def broken(*_: object) -> None:
        raise UsageError("There is no such file.")

    monkeypatch.setattr(clip_scanner, "FrameScan", broken)
    other = server.studio.project.open_path(make_clip(clip.path.with_name("b.mp4"), wave_images(2)))
    wait_until(lambda: server.get(f"/swap/scan/{other.id}").json["error"])


def test_the_moments_are_those_of_the_swap_that_was_compared_last(
    server: StudioServer, clip: Item, tmp_path: Path
) -> None:
    assert moments(server, clip) == ("", [])
    other = make_clip(tmp_path / "other.mp4", wave_images(6))
    make_swap(server, clip.path, "first.mp4", 100)
    assert moments(server, clip) == ("first", WORST)
    second = make_swap(server, clip.path, "second.mp4", 200)
    make_swap(server, other, "other.mp4", 300)
    assert moments(server, clip) == ("second", WORST)
    # It shows a part of the clip: its frames have other numbers.
    part = make_swap(server, clip.path, "part.mp4", 400)
    arguments = ("convert", str(clip.path), "--out", str(part), "--range", "3:9")
    server.studio.jobs.add(JobRequest(title="Convert", arguments=arguments, artifact=str(part)))
    assert moments(server, clip) == ("second", WORST)
    assert not server.get(f"/swap/moments/{clip.id}").json["is_outdated"]
    os.utime(second, (900, 900))
    record_original(second, clip.path)
    assert server.get(f"/swap/moments/{clip.id}").json["is_outdated"]
    judgment_path(second).write_text(json.dumps({"schema": 1}))
    assert moments(server, clip) == ("first", WORST)
    assert server.get("/swap/moments/nobody").status == 400


@pytest.mark.parametrize("step", ["find_comparison", "find_original"])
def test_a_swap_that_is_deleted_meanwhile_does_not_count(
    server: StudioServer, clip: Item, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    make_swap(server, clip.path, "first.mp4", 100)
    second = make_swap(server, clip.path, "second.mp4", 200)
    find = getattr(clip_moments, step)

    def find_and_delete(swap: Path, *rest: object) -> Path | None:
        if step == "find_original":
            second.unlink(missing_ok=True)
        found: Path | None = find(swap, *rest)
        if swap == second:
            judgment_path(second).unlink(missing_ok=True)
        return found

    monkeypatch.setattr(clip_moments, step, find_and_delete)
    assert moments(server, clip) == ("first", WORST)


@pytest.mark.parametrize("picture", ["frame", "thumbnail", "still"])
def test_a_picture_pauses_the_scan(
    server: StudioServer, clip: Item, monkeypatch: pytest.MonkeyPatch, picture: str
) -> None:
    paused = []
    monkeypatch.setattr(type(server.studio.scanner), "paused", lambda _: _Counted(paused))
    server.get(f"/{picture}/{clip.id}/{'bundle/' if picture == 'still' else ''}3")
    assert paused == ["begin", "end"]


class _Counted:
    def __init__(self, log: list[str]):
        self._log = log

    def __enter__(self) -> None:
        self._log.append("begin")

    def __exit__(self, *_: object) -> None:
        self._log.append("end")
