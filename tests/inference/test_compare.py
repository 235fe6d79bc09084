"""The figures say what the eye says."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_clip

from faceloom.compare import Comparison, compare_to_truth
from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.progress import finish
from faceloom.video import read_frames

FRAMES = range(0, 75, 15)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory, sample: Path, facesets: dict[str, Path]):
    """Compare versions of the truth with the truth."""
    folder = tmp_path_factory.mktemp("versions")
    read = {
        name: [f.rgb for f in read_frames(sample / f"{name}.mp4") if f.index in FRAMES]
        for name in ("target_ada", "truth_ben")
    }
    versions = {
        "target": read["target_ada"],
        "truth": read["truth_ben"],
        "blurred": [cv2.GaussianBlur(p, (0, 0), 3) for p in read["truth_ben"]],
        "red": [np.clip(p.astype(int) + np.array([60, 0, 0]), 0, 255).astype(np.uint8) for p in read["truth_ben"]],
        "other moments": read["truth_ben"][::-1],
    }
    paths = {name: make_clip(folder / f"{name}.mp4", pictures) for name, pictures in versions.items()}
    faces = FaceSet.read(facesets["ben"])
    return {
        name: finish(compare_to_truth(paths["target"], path, paths["truth"], faces)) for name, path in paths.items()
    }


def test_the_truth_is_the_truth_and_the_target_is_untouched(figures: dict[str, Comparison]) -> None:
    truth, target = figures["truth"], figures["target"]
    assert truth.frames == len(FRAMES)
    assert truth.identity_share == pytest.approx(1)
    assert target.identity_share == pytest.approx(0)
    assert truth.swapped.mouth == truth.swapped.eyes == truth.swapped.colour == 0
    assert truth.swapped.sharpness == truth.swapped.ssim == pytest.approx(1)
    assert target.swapped == target.untouched
    assert target.untouched.identity < truth.truth_identity - 0.3


@pytest.mark.parametrize(
    ("version", "figure", "worse"),
    [
        ("blurred", "sharpness", lambda value: value < 0.5),
        ("red", "colour", lambda value: value > 10),
        ("other moments", "mouth", lambda value: value > 0.1),
        ("other moments", "eyes", lambda value: value > 0.1),
    ],
)
def test_each_fault_moves_its_own_figure(figures: dict[str, Comparison], version: str, figure: str, worse) -> None:
    assert worse(getattr(figures[version].swapped, figure))
    assert not worse(getattr(figures["truth"].swapped, figure))


def test_the_table_shows_them(figures: dict[str, Comparison]) -> None:
    assert "identity (share of the way)" in figures["truth"].to_text()


def test_only_versions_of_one_clip_can_be_compared(sample: Path, facesets: dict[str, Path], tmp_path: Path) -> None:
    short = make_clip(tmp_path / "short.mp4", [f.rgb for f in read_frames(sample / "target_ada.mp4")][:3])
    small = make_clip(tmp_path / "small.mp4", [np.zeros((64, 64, 3), np.uint8)] * 75)
    faces = FaceSet.read(facesets["ben"])
    target = sample / "target_ada.mp4"
    with pytest.raises(UsageError, match="number of frames"):
        finish(compare_to_truth(target, short, target, faces))
    with pytest.raises(UsageError, match="size"):
        finish(compare_to_truth(target, small, target, faces))
