"""The demo runs the whole workflow, with too few training steps to look good."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest

from faceloom.video import read_frames

pytestmark = pytest.mark.e2e

OUTPUTS = (
    "swapped.mp4", "paste.mp4", "preview.png", "side_by_side.png",
    "report.html", "comparison.html", "demo.json", "project",
)  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    out = tmp_path_factory.mktemp("demo") / "out"
    process = subprocess.run(
        [sys.executable, "-m", "faceloom", "demo", "--out", str(out), "--steps", "20"],
        capture_output=True,
        text=True,
        check=True,
    )
    return out, process.stdout, process.stderr


def test_all_outputs_are_written(demo: tuple[Path, str, str]) -> None:
    out, text, progress = demo
    names = {path.name for path in out.iterdir()}
    assert names >= {*OUTPUTS}
    for part in (
        "faces found",
        "training",
        "export",
        "conversion",
        "SCORE (against the ",
        "report.html",
    ):
        assert part in text
    for command in ("extract", "review", "train", "export", "convert", "compare"):
        assert f"$ faceloom {command}" in progress
    assert not list(out.rglob("*.part"))
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "data:video/mp4;base64," in page
    # The colon is not a base64 character, so that encoded pictures cannot match.
    assert not re.search("https?:", page)


def test_the_swap_keeps_the_target_s_times_size_and_sound(
    demo: tuple[Path, str, str], sample: Path
) -> None:
    swapped, target = demo[0] / "swapped.mp4", sample / "target_ada.mp4"
    before, after = list(read_frames(target)), list(read_frames(swapped))
    assert [f.seconds for f in after] == [f.seconds for f in before]
    assert after[0].rgb.shape == before[0].rgb.shape
    with av.open(str(swapped)) as swapped_file, av.open(str(target)) as target_file:
        sounds = [
            [bytes(p) for p in c.demux(audio=0) if p.dts is not None]
            for c in (swapped_file, target_file)
        ]
        assert sounds[0] == sounds[1] != []
        video = swapped_file.streams.video[0].codec_context
        # The format that every browser plays.
        assert (video.name, video.pix_fmt) == ("h264", "yuv420p")


def test_the_results_match_the_files(demo: tuple[Path, str, str]) -> None:
    results = json.loads((demo[0] / "demo.json").read_text())
    assert results["compare"]["frames"] == 75
    assert results["rows"]["faces found"] == "ben 144 in 144 frames, ada 219 in 219 frames"


def test_an_earlier_demo_is_not_replaced_without_force(demo: tuple[Path, str, str]) -> None:
    command = [sys.executable, "-m", "faceloom", "demo", "--out", str(demo[0])]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, "--force" in process.stderr) == (2, True)
    assert (demo[0] / "report.html").exists()


def test_a_copied_bundle_runs(demo: tuple[Path, str, str], tmp_path: Path, sample: Path) -> None:
    shutil.copytree(
        demo[0] / "project" / "bundles" / "ben-ada-laptop_128.bundle", tmp_path / "copied.bundle"
    )
    arguments = [
        "convert",
        sample / "target_ben.mp4",
        "--bundle",
        tmp_path / "copied.bundle",
        "--out",
        tmp_path / "o.mov",
        "--range",
        "0:10",
    ]
    command = [sys.executable, "-m", "faceloom", *map(str, arguments), "--json"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(process.stdout)["frames"] == 10


@pytest.fixture(scope="module")
def again(demo: tuple[Path, str, str], sample: Path) -> list[dict[str, Any]]:
    """Swap once more in the demo's project, with another color transfer; return the JSON lines."""
    out = demo[0] / "again.mp4"
    arguments = [
        "swap", sample / "train_ben.mp4", "--onto", sample / "target_ada.mp4", "--out", out,
        "--target-footage", sample / "train_ada.mp4", "--project", demo[0] / "project",
        "--preset", "laptop_128", "--steps", "20", "--color", "rct", "--guest-name", "ben",
        "--target-name", "ada", "--json",
    ]  # fmt: skip
    command = [sys.executable, "-m", "faceloom", *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in process.stdout.splitlines()]


def test_a_second_swap_runs_only_what_is_new(again: list[dict[str, Any]]) -> None:
    *steps, result = again
    states = {step["command"].split()[1]: step["state"] for step in steps}
    kept = {"extract", "review", "train", "export"}
    assert {command for command, state in states.items() if state == "kept"} == kept
    assert states["convert"] == states["compare"] == "done"
    assert result["swapped_frames"] == result["frames"] == 75
    assert 0 <= result["score"] <= 100
    assert len(result["commands"]) == 8
    assert Path(result["out"]).stat().st_size > 10000
