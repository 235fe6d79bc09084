"""The file of a scan fits one file of a clip alone, and contains no contradiction."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from faceloom.studio.scans import clip_scan
from faceloom.studio.scans.clip_scan import ClipScan, read_scan, write_scan


def scan(**values: object) -> ClipScan:
    return ClipScan.model_validate({"signature": "a", "frames": 100, **values})


@pytest.mark.parametrize(
    "values",
    [
        {"done": 101, "runs": ((0, 1),)},
        {"done": 10},
        {"done": 10, "runs": ((1, 1),)},
        {"done": 10, "runs": ((0, 1), (5, 0), (5, 1))},
        {"done": 10, "runs": ((0, 1), (10, 0))},
        {"done": 10, "runs": ((0, 1),), "cuts": (10,)},
        {"runs": ((0, 1),)},
        {"cuts": (0,)},
        {"done": 10, "runs": ((0, 1),), "cuts": (-1,)},
    ],
)
def test_values_that_contradict_each_other_are_refused(values: dict) -> None:
    with pytest.raises(ValidationError):
        scan(**values)


def test_a_scan_is_found_again_for_the_same_file(tmp_path: Path) -> None:
    file, found = (
        tmp_path / "scans" / "clip.json",
        scan(done=20, runs=((0, 1), (15, 0)), cuts=(7, 9)),
    )
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
