"""What is known of a clip's frames becomes runs, and a file that fits this clip alone."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from faceloom.studio.scans import clip_scan
from faceloom.studio.scans.clip_scan import ClipScan, read_scan, write_scan


def scan(**values: object) -> ClipScan:
    return ClipScan.model_validate({"signature": "a", "frames": 100, "interval": 25, **values})


SAMPLED = {"sampled": 100, "samples": (1, 1, 0, 2)}
RUNS = {
    "nothing": ({}, [(0, None)]),
    "a part is sampled": ({"sampled": 60, "samples": (1, 1, 0)}, [(0, 1), (50, 0), (60, None)]),
    "all is sampled": (SAMPLED, [(0, 1), (50, 0), (75, 2)]),
    "a part is exact": (
        {**SAMPLED, "done": 30, "runs": ((0, 1), (28, 0))},
        [(0, 1), (28, 0), (30, 1), (50, 0), (75, 2)],
    ),
    "exact up to a sample": ({**SAMPLED, "done": 50, "runs": ((0, 0),)}, [(0, 0), (75, 2)]),
    "all is exact": ({**SAMPLED, "done": 100, "runs": ((0, 1), (99, 0))}, [(0, 1), (99, 0)]),
}


@pytest.mark.parametrize(("values", "expected"), RUNS.values(), ids=RUNS)
def test_samples_stand_for_the_frames_that_are_not_exact(values: dict, expected: list) -> None:
    found = scan(**values)
    assert found.face_runs() == expected
    assert found.is_complete == (values.get("done") == 100)


@pytest.mark.parametrize(
    "values",
    [
        {"sampled": 101, "samples": (1, 1, 0, 2, 1)},
        {"sampled": 60, "samples": (1, 1)},
        {"done": 10},
        {"done": 10, "runs": ((1, 1),)},
        {"done": 10, "runs": ((0, 1), (5, 0), (5, 1))},
        {"runs": ((0, 1),)},
        {"interval": 0},
        {"cuts": (-1,)},
    ],
)
def test_values_that_contradict_each_other_are_refused(values: dict) -> None:
    with pytest.raises(ValidationError):
        scan(**values)


def test_a_scan_is_found_again_for_the_same_file(tmp_path: Path) -> None:
    file, found = tmp_path / "scans" / "clip.json", scan(**SAMPLED, cuts=(7, 9))
    assert read_scan(file, "a") is None
    write_scan(file, found)
    assert read_scan(file, "a") == found
    assert read_scan(file, "b") is None


@pytest.mark.parametrize("damage", ["version", "content"])
def test_another_version_s_or_a_damaged_file_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    file = tmp_path / "clip.json"
    write_scan(file, scan())
    if damage == "version":
        monkeypatch.setattr(clip_scan, "__version__", "99")
    else:
        file.write_text(file.read_text()[:-20])
    assert read_scan(file, "a") is None
