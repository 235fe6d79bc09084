"""Job files: options of a job, and sections with options of their own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.bundles import make_bundle
from tests.helpers.clips import make_clip

from faceloom.errors import UsageError
from faceloom.swap import ConvertOptions, SwapOptions
from faceloom.swap.batch.job_file import read_job_file
from faceloom.video import FrameRange, read_frames

HEAD = """schema = 1
bundle = "ben.bundle"

[[job]]
target = "clip.mkv"
out = "made/out.mkv"
"""


def job_file(folder: Path, text: str) -> Path:
    path = folder / "jobs.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def test_a_section_takes_what_it_leaves_out_from_the_job_and_the_command(tmp_path: Path) -> None:
    text = """color = "rct"
erode = 0.05
[[job.section]]
from = "4s"
to = "00:00:10.5"
mask = "both"
erode = "auto"
reference = ["ada.png"]
on_missing = "last"
[[job.section]]
to = 30
swap = false
"""
    command = ConvertOptions(feather=0.1, glasses="guest", reference=(Path("eve.png"),))
    (job,) = read_job_file(job_file(tmp_path, text), None, command)
    first, second = job.options.sections
    base = SwapOptions(
        color="rct", erode=0.05, feather=0.1, glasses="guest", reference=(Path("eve.png"),)
    )
    assert (job.options.color, job.options.erode, job.options.feather) == ("rct", 0.05, 0.1)
    assert first.options == replace(
        base, mask="both", erode=None, reference=(tmp_path / "ada.png",), on_missing="last"
    )
    assert (first.frames, first.swap) == (FrameRange.parse("4s:10.5s"), True)
    assert (second.options, second.swap) == (base, False)
    assert second.frames == FrameRange.parse(":30")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('from = 3\nto = "4s"', r"section from 3 to '4s' cannot be used; give both"),
        ("from = 9\nto = 9", "the end after the start"),
        ('from = "4s:5s"', "cannot be used"),
        ("from = true", r"job\.0\.section\.0\.from"),
        ("from = 1.5", r"job\.0\.section\.0\.from"),
        ("erode = 0.3", r"section\.0\.erode.* less than or equal to 0\.2"),
        ('mask = "auto"', r"section\.0\.mask"),
        ("speed = 3", r"section\.0\.speed: Extra inputs"),
    ],
)
def test_an_invalid_section_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = job_file(tmp_path, f"[[job.section]]\n{text}\n")
    with pytest.raises(UsageError, match=words):
        read_job_file(path, None, ConvertOptions())


def test_a_job_file_is_not_estimated(tmp_path: Path, faceloom) -> None:
    code, _, err = faceloom("convert", "--job", tmp_path / "jobs.toml", "--estimate")
    assert code == 2
    assert "--estimate takes no job file" in " ".join(err.split())


def test_the_command_converts_sections_and_refuses_those_that_overlap(
    tmp_path: Path, sample: Path, faceloom
) -> None:
    pictures = [frame.rgb for frame in read_frames(sample / "target_ada.mp4", stop=6)]
    make_clip(tmp_path / "clip.mkv", pictures)
    make_bundle(tmp_path / "ben.bundle")
    sections = "[[job.section]]\nfrom = 2\nto = {}\nswap = false\n[[job.section]]\nfrom = 4\n"
    path = job_file(tmp_path, 'mask = "mesh"\n' + sections.format(5))
    typed = ("convert", "--job", path, "--encoder", "lossless", "--provenance", "off")
    code, _, err = faceloom(*typed)
    assert code == 2
    assert "clip.mkv: the sections 2:5 and 4: overlap from frame 4 on" in " ".join(err.split())
    assert not (tmp_path / "made").exists()
    job_file(tmp_path, 'mask = "mesh"\n' + sections.format(4))
    assert faceloom(*typed)[0] == 0
    pairs = zip(
        read_frames(tmp_path / "clip.mkv"), read_frames(tmp_path / "made/out.mkv"), strict=True
    )
    changed = [not np.array_equal(before.rgb, after.rgb) for before, after in pairs]
    assert changed == [True, True, False, False, True, True]
