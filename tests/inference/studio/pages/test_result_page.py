"""The pages of swaps: videos by ranges, the original, the judge, the marks."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.clips import make_clip, wave_images
from tests.helpers.studio.comparison import write_comparison
from tests.helpers.studio.server import StudioServer, serve_studio

from faceloom.studio.jobs.job import JobRequest
from faceloom.studio.pages import result_page
from faceloom.studio.pages.jobs_page import queue_state
from faceloom.studio.results.converted_range import first_frame_of
from faceloom.studio.results.original import find_original
from faceloom.studio.studio_project import ItemKind


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[StudioServer]:
    """A studio with a swap, whose queue starts no job."""
    folder = tmp_path / "project"
    with serve_studio(folder, tmp_path) as server:
        server.studio.runner.set_paused(True)
        (folder / "swaps").mkdir()
        make_clip(folder / "swaps" / "swap.mp4", wave_images(6))
        make_clip(tmp_path / "clip.mp4", wave_images(6, seed=1))
        yield server


def _address(studio: StudioServer) -> str:
    (swap,) = studio.studio.project.items(ItemKind.SWAP)
    return f"/results/{swap.id}"


def _swap(studio: StudioServer) -> Path:
    return studio.studio.project.folder / "swaps" / "swap.mp4"


def _convert(studio: StudioServer, target: Path) -> int:
    """Add the job that makes the swap; return its number."""
    out = str(_swap(studio))
    arguments = ("convert", str(target), "--bundle", "b.bundle", "--out", out)
    return studio.studio.jobs.add(
        JobRequest(title="Convert", arguments=arguments, artifact=out)
    ).number


@pytest.mark.parametrize(
    ("byte_range", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=99999999-", 416, None),
    ],
)
def test_a_range_of_a_video_is_sent(
    studio: StudioServer, tmp_path: Path, byte_range: str, status: int, part: slice | None
) -> None:
    clip = tmp_path / "clip.mp4"
    _convert(studio, clip)
    for name, path in (("video", _swap(studio)), ("original", clip)):
        answer = studio.get(f"{_address(studio)}/{name}", Range=byte_range)
        assert answer.status == status
        if part is not None:
            assert answer.content == path.read_bytes()[part]
            assert answer.headers["content-type"] == "video/mp4"
            assert answer.headers["content-range"].endswith(f"/{path.stat().st_size}")


def test_the_whole_swap_is_downloaded_by_its_name(studio: StudioServer) -> None:
    answer = studio.get(f"{_address(studio)}/download")
    assert answer.content == _swap(studio).read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="swap.mp4"'


@pytest.mark.parametrize("path", ["/results/000000000000/video", "/results/../studio.json/video"])
def test_only_swaps_of_the_project_are_sent(studio: StudioServer, path: str) -> None:
    assert studio.get(path).status in (400, 404)


def test_the_original_is_that_of_the_conversion_or_the_user_s_choice(
    studio: StudioServer, tmp_path: Path
) -> None:
    address, swap = _address(studio), _swap(studio)
    assert "The original of this swap is unknown" in studio.get(address).text
    assert "is unknown; choose it" in studio.get(f"{address}/original").json["error"]
    number = _convert(studio, tmp_path / "clip.mp4")
    assert 'id="original"' in studio.get(address).text
    # The choice is kept beside the swap: the job may be removed.
    clip = studio.post("/open", path=str(tmp_path / "clip.mp4")).json["id"]
    assert studio.post(f"{address}/original", clip=clip).status == 200
    studio.post(f"/jobs/{number}", action="stop")
    studio.post(f"/jobs/{number}", action="remove")
    assert find_original(swap, studio.studio.jobs.jobs()) == tmp_path / "clip.mp4"
    # A new swap of this name has an original of its own.
    later = time.time_ns() + 10**9
    os.utime(swap, ns=(later, later))
    assert find_original(swap, ()) is None
    os.utime(swap, ns=(1, 1))
    swap.with_name("swap.mp4.studio.json").write_text("damaged")
    assert find_original(swap, ()) is None
    assert len(studio.studio.project.items(ItemKind.SWAP)) == 1


def test_a_clip_of_another_size_is_not_the_original(studio: StudioServer, tmp_path: Path) -> None:
    make_clip(tmp_path / "small.mp4", wave_images(6, 64, 64))
    clip = studio.post("/open", path=str(tmp_path / "small.mp4")).json["id"]
    answer = studio.post(f"{_address(studio)}/original", clip=clip)
    assert answer.status == 400
    assert "64 x 64" in answer.json["error"]


def test_a_comparison_is_a_job_that_writes_beside_the_swap(
    studio: StudioServer, tmp_path: Path
) -> None:
    address, clip = _address(studio), tmp_path / "clip.mp4"
    assert studio.post(f"{address}/compare").status == 400
    _convert(studio, clip)
    request = studio.studio.jobs.job(studio.post(f"{address}/compare").json["job"]).request
    swap = _swap(studio)
    out = swap.with_name("swap.mp4.compare.json")
    expected = ("compare", str(clip), str(swap), "--out", str(out), "--force")
    assert request.arguments == expected
    assert studio.post(f"{address}/compare", faces="nobody").status == 400
    assert "queue" in studio.get(address).text


# The second one is the name of earlier versions.
@pytest.mark.parametrize("name", ["swap.mp4.compare.json", "swap.compare.json"])
def test_the_judge_s_curves_score_and_worst_moments_are_shown(
    studio: StudioServer, name: str
) -> None:
    address = _address(studio)
    assert studio.get(f"{address}/curves").status == 400
    write_comparison(_swap(studio).with_name(name))
    curves = studio.get(f"{address}/curves").json
    assert curves["frames"] == [0, 1, 2, 3, 4]
    (metric,) = curves["metrics"]
    assert metric["values"] == [0.9, 0.8, None, 0.7, 0.9]
    assert (metric["title"], metric["best"], metric["mean"]) == ("identity similarity", 1, 0.7)
    page = studio.get(address).text
    assert "57.6 of 100" in page
    assert 'data-frame="2"' in page
    assert "eyes open where" in page
    assert "57.6 of 100" in studio.get("/results").text


def test_a_damaged_comparison_is_named_on_the_page(studio: StudioServer) -> None:
    _swap(studio).with_name("swap.mp4.compare.json").write_text(json.dumps({"schema": 1}))
    for path in ("/results", _address(studio)):
        answer = studio.get(path)
        assert answer.status == 200
        assert "swap.mp4.compare.json is not a valid comparison" in answer.text


def test_the_marks_are_those_that_verify_reads(studio: StudioServer) -> None:
    text = studio.get(f"{_address(studio)}/marks").text
    assert 'data-verdict="unmarked"' in text
    assert "No disclosure mark." in text


@pytest.mark.parametrize(
    ("options", "first"),
    [((), None), (("--range", "3:9"), 3), (("--range", ":9"), 0), (("--range", "2s:4s"), None),
     (("--range",), None)],
)  # fmt: skip
def test_a_part_of_a_video_starts_where_its_job_says(
    studio: StudioServer, tmp_path: Path, options: tuple[str, ...], first: int | None
) -> None:
    out = str(_swap(studio))
    arguments = ("convert", str(tmp_path / "clip.mp4"), "--out", out, *options)
    studio.studio.jobs.add(JobRequest(title="Convert", arguments=arguments, artifact=out))
    assert first_frame_of(_swap(studio), studio.studio.jobs.jobs()) == first
    assert f'data-first="{first or 0}"' in studio.get(_address(studio)).text
    answer = studio.post(f"{_address(studio)}/compare")
    assert answer.status == (200 if first is None else 400)
    if first is not None:
        assert "swap shows a part of its original" in answer.json["error"]


def test_the_folder_is_opened_on_this_machine(
    studio: StudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(result_page, "show_in_file_manager", shown.append)
    assert studio.post(f"{_address(studio)}/folder").status == 200
    assert shown == [_swap(studio)]
    assert studio.post("/results/000000000000/folder").status == 400
    assert len(shown) == 1


def test_a_job_links_to_what_it_made(studio: StudioServer) -> None:
    _convert(studio, Path("clip.mp4"))
    studio.studio.jobs.add(JobRequest(title="Review", arguments=("review",)))
    states = queue_state(studio.studio)["jobs"]
    assert [state["page"] for state in states] == [_address(studio), ""]
