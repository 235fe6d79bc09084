"""The whole job by its commands, with too few steps to look good."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest

from faceloom.video import read_frames

pytestmark = pytest.mark.e2e

MADE = (
    "swapped.mp4", "paste.mp4", "preview.png", "side_by_side.png",
    "report.html", "judge.html", "demo.json", "ben.bundle",
)  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    out = tmp_path_factory.mktemp("demo") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "faceloom", "demo", "--out", str(out), "--steps", "20"],
        capture_output=True,
        text=True,
        check=True,
    )
    return out, done.stdout, done.stderr


def test_it_leaves_what_it_says(demo: tuple[Path, str, str]) -> None:
    out, said, progress = demo
    made = {path.name for path in out.iterdir()}
    assert made >= {*MADE}
    for words in (
        "faces found",
        "training",
        "export",
        "conversion",
        "SCORE (against the exact truth)",
        "report.html",
    ):
        assert words in said
    for command in ("extract", "train", "export", "convert", "compare"):
        assert f"$ faceloom {command}" in progress
    assert not list(out.rglob("*.part"))
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "data:video/mp4;base64," in page
    # With the colon, which base64 does not have: four letters alone may be part of a picture.
    assert not re.search("https?:", page)


def test_the_video_is_the_target_with_another_face(
    demo: tuple[Path, str, str], sample: Path
) -> None:
    swapped, target = demo[0] / "swapped.mp4", sample / "target_ada.mp4"
    before, after = list(read_frames(target)), list(read_frames(swapped))
    assert [f.seconds for f in after] == [f.seconds for f in before]
    assert after[0].rgb.shape == before[0].rgb.shape
    with av.open(str(swapped)) as one, av.open(str(target)) as other:
        sounds = [[bytes(p) for p in c.demux(audio=0) if p.dts is not None] for c in (one, other)]
        assert sounds[0] == sounds[1] != []
        video = one.streams.video[0].codec_context
        # What every browser plays.
        assert (video.name, video.pix_fmt) == ("h264", "yuv420p")


def test_figures_are_of_the_files_that_are_there(demo: tuple[Path, str, str]) -> None:
    figures = json.loads((demo[0] / "demo.json").read_text())
    assert figures["compare"]["frames"] == 75
    assert figures["rows"]["faces found"] == "ada 144 in 144 frames, ben 144 in 144 frames"


def test_it_does_not_write_over_what_is_there(demo: tuple[Path, str, str]) -> None:
    again = [sys.executable, "-m", "faceloom", "demo", "--out", str(demo[0])]
    done = subprocess.run(again, capture_output=True, text=True, check=False)
    assert (done.returncode, "--force" in done.stderr) == (2, True)
    assert (demo[0] / "report.html").exists()


def test_the_bundle_runs_where_it_is_copied(
    demo: tuple[Path, str, str], tmp_path: Path, sample: Path
) -> None:
    shutil.copytree(demo[0] / "ben.bundle", tmp_path / "copied.bundle")
    typed = [
        "convert",
        sample / "target_ben.mp4",
        "--bundle",
        tmp_path / "copied.bundle",
        "--out",
        tmp_path / "o.mov",
    ]
    command = [sys.executable, "-m", "faceloom", *map(str, typed), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["frames"] == 75
