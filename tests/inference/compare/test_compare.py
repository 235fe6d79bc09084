"""The judge says what the eye says: every fault moves its own part of the score most."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from tests.helpers import degradations as faults
from tests.helpers.clips import make_clip

from faceloom.compare import ClipVersions, Comparison, DetailedComparison, compare, write_report
from faceloom.compare.compare import compare_frames, load_identity_references
from faceloom.compare.metrics import standard_error, summarize_metric
from faceloom.compare.result import Version
from faceloom.compare.score import Score, compute_score
from faceloom.errors import NoFaceFound, UsageError
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.video import read_frames

# Enough for a few words of speech.
FRAMES = 30
# What was done to the exact truth, and the part of the score that must fall most.
FAULTS = {
    "shifted": "place",
    "blurred": "sharpness",
    "another mouth": "expression",
    "recolored": "color",
    "flickering": "steadiness",
    "cut out": "seam",
    "wrong person": "identity",
}


@pytest.fixture(scope="module")
def clips(sample: Path) -> dict[str, list[np.ndarray]]:
    """The sample's target and truth."""
    return {
        name: [frame.rgb for frame in read_frames(sample / f"{name}.mp4")][:FRAMES]
        for name in ("target_ada", "truth_ben")
    }


@pytest.fixture(scope="module")
def judged(
    clips: dict[str, list[np.ndarray]], facesets: dict[str, Path], sample: Path
) -> DetailedComparison:
    """The truth, spoilt in each way, judged in one pass."""
    target, truth = clips["target_ada"], clips["truth_ben"]
    versions = {
        "untouched": target,
        "shifted": faults.shifted(truth),
        "blurred": faults.blurred(truth),
        "another mouth": faults.with_another_mouth(truth),
        "recolored": faults.recolored(truth),
        "flickering": faults.flickering(truth),
        "cut out": faults.cut_out(truth, target),
        "wrong person": faults.of_the_wrong_person(target),
        "truth": truth,
    }
    moments = enumerate(zip(*versions.values(), strict=True))
    references = load_identity_references(
        FaceSet.read(facesets["ben"]), FaceSet.read(facesets["ada"])
    )
    return run_to_completion(compare_frames(moments, tuple(versions), references, "None"))


def version(judged: DetailedComparison, name: str) -> Version:
    found = judged.comparison.version(name)
    assert found
    return found


def value(version: Version, name: str) -> float:
    figure = version.figure(name)
    assert figure
    return figure.value


def without_truth(version: Version) -> Score:
    """The score as if the exact truth were not known."""
    score = compute_score({figure.name: figure for figure in version.figures}, None)
    assert score
    return score


def with_truth(version: Version) -> Score:
    assert version.score
    return version.score


def test_the_truth_is_perfect_and_the_target_is_no_swap(judged: DetailedComparison) -> None:
    assert with_truth(version(judged, "truth")).value == pytest.approx(100)
    for score_in in (with_truth, without_truth):
        assert score_in(version(judged, "untouched")).value == pytest.approx(0, abs=1e-3)
    untouched = version(judged, "untouched")
    for name, wanted in {
        "identity": 0,
        "other": 1,
        "expression": 1,
        "seam": 0,
        "dropped": 1,
        "sharpness": 1,
    }.items():
        assert value(untouched, name) == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize("score_in", [with_truth, without_truth])
@pytest.mark.parametrize(("fault", "part"), FAULTS.items())
def test_each_fault_moves_its_own_part_most(
    judged: DetailedComparison, fault: str, part: str, score_in: Callable[[Version], Score]
) -> None:
    spoilt, perfect = (score_in(version(judged, name)) for name in (fault, "truth"))
    fallen = {p.name: q.value - p.value for p, q in zip(spoilt.parts, perfect.parts, strict=True)}
    assert max(fallen, key=lambda name: fallen[name]) == part
    assert spoilt.value < perfect.value - 1


def test_blur_cannot_win(judged: DetailedComparison) -> None:
    """On plain SSIM it does: a sharp face two pixels off is beaten by a blurred one."""
    shifted, blurred = version(judged, "shifted"), version(judged, "blurred")
    plain, aligned = (
        [value(v, name) for v in (shifted, blurred)] for name in ("truth_ssim", "truth_aligned")
    )
    assert plain[0] < plain[1]
    assert aligned[0] > aligned[1]
    assert without_truth(shifted).value > without_truth(blurred).value + 10


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([1.0], None),
        ([2.0, 2.0, 2.0], 0.0),
        # Two long stretches of one value each are two observations, not forty.
        ([0.0] * 20 + [1.0] * 20, pytest.approx(0.5 * np.sqrt(10 / 9) / np.sqrt(10))),
    ],
)
def test_uncertainty_is_that_of_stretches(values: list[float], error: object) -> None:
    assert standard_error(np.float32(values)) == error


def test_worst_frames_are_the_furthest_from_the_best_and_not_neighbors() -> None:
    series = np.float32([1, 0.2, 0.1, 0.3, 1, 1, 1, 1, 0.5, 1, 1, 1, np.nan] + [1.0] * 23)
    figure = summarize_metric("sharpness", series, range(100, 136))
    assert figure
    assert figure.worst[:2] == (102, 108)
    assert summarize_metric("sharpness", np.float32([np.nan]), [0]) is None


def test_a_report_shows_curves_and_the_worst_moments(
    clips: dict[str, list[np.ndarray]],
    facesets: dict[str, Path],
    tmp_path: Path,
    faceloom: Callable[..., tuple],
) -> None:
    target, swap = (
        make_clip(tmp_path / f"{n}.mp4", clips[n][:6]) for n in ("target_ada", "truth_ben")
    )
    page = tmp_path / "swap.html"
    typed = (
        "compare",
        target,
        swap,
        "--paste",
        swap,
        "--identity",
        facesets["ben"],
        "--report",
        page,
    )
    code, out, _ = faceloom(*typed)
    text = page.read_text()
    assert code == 0
    assert "SCORE (against the target)" in out
    # The paste is the swap itself here: nothing is beaten.
    assert "does not beat a paste job" in out
    assert text.count("<svg") > 10
    assert not re.search("https?:", text)
    for link in {part.split('"')[0] for part in text.split('href="#')[1:]}:
        assert f'id="{link}"' in text
    assert faceloom(*typed)[0] == 2
    assert faceloom(*typed, "--force")[0] == 0


def test_what_is_printed_can_be_read_again(judged: DetailedComparison) -> None:
    printed = json.loads(json.dumps(asdict(judged.comparison)))
    assert Comparison.of(printed) == judged.comparison
    assert "SCORE (against the exact truth)" in judged.comparison.to_text()


def test_without_a_wanted_person_there_is_no_score(
    clips: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", clips["target_ada"][:3])
    comparison = run_to_completion(compare(ClipVersions(clip, clip))).comparison
    assert all(v.score is None for v in comparison.versions)
    assert "--identity" in comparison.to_text()


# A swap's face is found in these of four frames: what can be told then, and what cannot. One face has no movement.
MOVED = {"expression", "mouth", "gaze", "pose", "drift"}
FOUND = {
    "none": ([], {"sharpness", "color", "dropped"}, {*MOVED, "identity", "other", "place"}),
    "one": ([1], {"identity", "other", "place"}, MOVED),
    "two": ([0, 2], {"identity", "place", *MOVED}, set()),
}


@pytest.mark.parametrize("stills", [False, True])
@pytest.mark.parametrize("name", FOUND)
def test_what_too_few_faces_cannot_tell_is_absent(
    clips: dict[str, list[np.ndarray]], facesets: dict[str, Path], name: str, stills: bool
) -> None:
    frames, told, absent = FOUND[name]
    gray = np.full_like(clips["target_ada"][0], 128)
    swaps = [
        picture if number in frames else gray
        for number, picture in enumerate(clips["truth_ben"][:4])
    ]
    moments = [
        (number * (1 + stills), pair)
        for number, pair in enumerate(zip(clips["target_ada"][:4], swaps, strict=True))
    ]
    references = load_identity_references(FaceSet.read(facesets["ben"]), None)
    judged = run_to_completion(
        compare_frames(moments, ("untouched", "swap"), references, "None", stills=stills)
    )
    swap = version(judged, "swap")
    names = {figure.name for figure in swap.figures}
    assert told <= names
    assert not absent & names
    assert all(np.isfinite(figure.value) for figure in swap.figures)
    assert (swap.score is None) == (name == "none")
    assert (swap.part("expression") is None) == (name != "two")
    assert ("no frame of the swap shows a face" in judged.comparison.to_text()) == (name == "none")


@pytest.mark.parametrize("shown", [[], [1]])
def test_a_truth_without_faces_tells_nothing(
    clips: dict[str, list[np.ndarray]], facesets: dict[str, Path], shown: list[int]
) -> None:
    target, swap = clips["target_ada"][:4], clips["truth_ben"][:4]
    truth = [
        picture if number in shown else np.zeros_like(picture)
        for number, picture in enumerate(swap)
    ]
    references = load_identity_references(FaceSet.read(facesets["ben"]), None)
    moments = enumerate(zip(target, swap, truth, strict=True))
    judged = run_to_completion(
        compare_frames(moments, ("untouched", "swap", "truth"), references, "None")
    )
    found = version(judged, "swap")
    assert (found.figure("truth_identity") is None) == (not shown)
    assert (found.figure("truth_sharpness") is None) == (not shown)
    assert found.figure("truth_expression") is None
    assert found.figure("expression")


def test_only_versions_of_one_clip_can_be_compared(
    clips: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    target = make_clip(tmp_path / "target.mp4", clips["target_ada"][:4])
    short = make_clip(tmp_path / "short.mp4", clips["target_ada"][:3])
    small = make_clip(tmp_path / "small.mp4", [np.zeros((64, 64, 3), np.uint8)] * 4)
    for other, said in ((short, "number of frames"), (small, "size")):
        with pytest.raises(UsageError, match=said):
            run_to_completion(compare(ClipVersions(target, other)))
    with pytest.raises(NoFaceFound, match="nothing to compare"):
        run_to_completion(compare(ClipVersions(small, small)))


def test_a_report_is_written_once(
    judged: DetailedComparison, clips: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", clips["target_ada"][:3])
    videos = ClipVersions(clip, clip)
    write_report(run_to_completion(compare(videos)), videos, tmp_path / "page.html")
    assert not list(tmp_path.glob(".*part"))
