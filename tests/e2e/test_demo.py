"""The demo runs the whole workflow.

With FACELOOM_DEMO, the tests read the demo that `make demo 2>&1 | tee demo.log` has made, in the
folder of that name. Without it they make one, with too few training steps to look good, and belong
to `make test-all`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import pytest

from faceloom import demo as demo_package
from faceloom.video import read_frames

pytestmark = [pytest.mark.e2e]
if not os.environ.get("FACELOOM_DEMO"):
    pytestmark.append(pytest.mark.exhaustive)

OUTPUTS = (
    "swapped.mp4", "paste.mp4", "preview.png", "side_by_side.png",
    "report.html", "comparison.html", "demo.json", "project",
)  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """A demo that has been made."""

    out: Path
    """Its folder."""
    log: str
    """What the command printed."""
    steps: tuple[str, ...]
    """The options of its training steps."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    if folder := os.environ.get("FACELOOM_DEMO"):
        # Not resolved: the steps of the project are kept for the same commands.
        log = Path(f"{folder}.log").read_text()
        return Demo(Path(folder), log, ("--steps", str(demo_package.STEPS)))
    out, steps = tmp_path_factory.mktemp("demo") / "out", ("--steps", "20")
    process = subprocess.run(
        [sys.executable, "-m", "faceloom", "demo", "--out", str(out), *steps],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return Demo(out, process.stdout, steps)


def test_all_outputs_are_written(demo: Demo) -> None:
    names = {path.name for path in demo.out.iterdir()}
    assert names >= {*OUTPUTS}
    # The rows of the table that the command prints at the end.
    for row in ("faces found", "training", "export", "conversion"):
        assert re.search(rf"^{row} {{2,}}\S", demo.log, re.MULTILINE), row
    assert "SCORE (against the " in demo.log
    assert f"Open {demo.out / 'report.html'}" in demo.log
    for command in ("extract", "review", "train", "export", "convert", "compare"):
        assert f"$ faceloom {command}" in demo.log
    assert not list(demo.out.rglob("*.part"))
    page = (demo.out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "data:video/mp4;base64," in page
    # The colon is not a base64 character, so that encoded pictures cannot match.
    assert not re.search("https?:", page)


def test_the_swap_keeps_the_target_s_times_size_and_sound(demo: Demo, sample: Path) -> None:
    swapped, target = demo.out / "swapped.mp4", sample / "target_ada.mp4"
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


def test_the_results_match_the_files(demo: Demo) -> None:
    results = json.loads((demo.out / "demo.json").read_text())
    assert results["compare"]["frames"] == 75
    assert results["rows"]["faces found"] == "ben 144 in 144 frames, ada 219 in 219 frames"


def test_an_earlier_demo_is_not_replaced_without_force(demo: Demo) -> None:
    command = [sys.executable, "-m", "faceloom", "demo", "--out", str(demo.out)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.returncode, "--force" in process.stderr) == (2, True)
    assert (demo.out / "report.html").exists()


def test_a_copied_bundle_runs(demo: Demo, tmp_path: Path, sample: Path) -> None:
    shutil.copytree(
        demo.out / "project" / "bundles" / "ben-ada-laptop_128.bundle", tmp_path / "copied.bundle"
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
def again(
    demo: Demo, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """Swap once more in the demo's project, with another color transfer; return the JSON lines."""
    out = tmp_path_factory.mktemp("again") / "again.mp4"
    arguments = [
        "swap", sample / "train_ben.mp4", "--onto", sample / "target_ada.mp4", "--out", out,
        "--target-footage", sample / "train_ada.mp4", "--project", demo.out / "project",
        "--preset", "laptop_128", *demo.steps, "--color", "rct", "--guest-name", "ben",
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
