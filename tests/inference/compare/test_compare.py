"""The score agrees with the eye: each degradation lowers its own component most."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.helpers import degradations
from tests.helpers.clips import make_clip

from faceloom.color import from_lab, to_lab
from faceloom.compare import (
    ClipVersions,
    Comparison,
    DetailedComparison,
    Score,
    Version,
    compare,
    compare_frames,
    compute_score,
    is_compared,
    load_identity_references,
    write_report,
)
from faceloom.compare.expression import FEATURES, MOTION_UNITS, motion, motion_r_squared
from faceloom.compare.metrics import standard_error, summarize_metric
from faceloom.errors import NoFaceFound, UsageError
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.video import read_frames

# Enough for a few words of speech.
FRAMES = 30
# What degrades the ground truth, and the score component that must fall most.
DEGRADATIONS = {
    "shifted": "position",
    "blurred": "sharpness",
    "another mouth": "expression",
    "recolored": "color",
    "flickering": "stability",
    "cut out": "seam",
    "wrong person": "identity",
    "fringe": "occlusion",
    "blotched": "color",
}


@pytest.fixture(scope="module")
def clips(sample: Path) -> dict[str, list[np.ndarray]]:
    """The sample's target and truth."""
    return {
        name: [frame.rgb for frame in read_frames(sample / f"{name}.mp4")][:FRAMES]
        for name in ("target_ada", "truth_ben")
    }


@pytest.fixture(scope="module")
def detailed(
    clips: dict[str, list[np.ndarray]], facesets: dict[str, Path], sample: Path
) -> DetailedComparison:
    """The ground truth, degraded in each way, measured in one pass."""
    target, truth = clips["target_ada"], clips["truth_ben"]
    versions = {
        "target": target,
        "shifted": degradations.shifted(truth),
        "blurred": degradations.blurred(truth),
        "another mouth": degradations.with_another_mouth(truth),
        "recolored": degradations.recolored(truth),
        "flickering": degradations.flickering(truth),
        "cut out": degradations.cut_out(truth, target),
        "wrong person": degradations.of_the_wrong_person(target),
        "fringe": degradations.with_a_fringe(truth),
        "blotched": degradations.with_blotches(truth),
        "truth": truth,
    }
    frames = enumerate(zip(*versions.values(), strict=True))
    references = load_identity_references(
        FaceSet.read(facesets["ben"]), FaceSet.read(facesets["ada"])
    )
    return run_to_completion(compare_frames(frames, tuple(versions), references, "None"))


def version(detailed: DetailedComparison, name: str) -> Version:
    found = detailed.comparison.version(name)
    assert found
    return found


def value(version: Version, name: str) -> float:
    metric = version.metric(name)
    assert metric
    return metric.mean


def without_truth(version: Version) -> Score:
    """Compute the score without the ground truth."""
    score = compute_score({metric.name: metric for metric in version.metrics}, None)
    assert score
    return score


def with_truth(version: Version) -> Score:
    assert version.score
    return version.score


@pytest.mark.long
def test_the_truth_scores_100_and_the_target_0(detailed: DetailedComparison) -> None:
    assert with_truth(version(detailed, "truth")).value == pytest.approx(100)
    for score_in in (with_truth, without_truth):
        assert score_in(version(detailed, "target")).value == pytest.approx(0, abs=1e-3)
    target = version(detailed, "target")
    for name, expected in {
        "identity": 0,
        "target_identity": 1,
        "expression": 1,
        "seam": 0,
        "unswapped_frames": 1,
        "sharpness": 1,
    }.items():
        assert value(target, name) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("score_in", [with_truth, without_truth])
@pytest.mark.parametrize(("degradation", "component"), DEGRADATIONS.items())
@pytest.mark.long
def test_each_degradation_lowers_its_own_component_most(
    detailed: DetailedComparison,
    degradation: str,
    component: str,
    score_in: Callable[[Version], Score],
) -> None:
    degraded, perfect = (score_in(version(detailed, name)) for name in (degradation, "truth"))
    fallen = {
        p.name: q.value - p.value
        for p, q in zip(degraded.components, perfect.components, strict=True)
    }
    # A second of speech leaves the expression that much noise.
    fallen["expression"] -= 0.25 if component != "expression" else 0.0
    assert max(fallen, key=lambda name: fallen[name]) == component
    # Without the truth, the target's outline around a cut-out face counts in its favor.
    if (component, score_in) != ("seam", without_truth):
        assert degraded.value < perfect.value - 0.5


@pytest.mark.long
def test_blur_cannot_win(detailed: DetailedComparison) -> None:
    """On plain SSIM it wins: a blurred face beats a sharp one that is two pixels off."""
    shifted, blurred = version(detailed, "shifted"), version(detailed, "blurred")
    plain, aligned = (
        [value(v, name) for v in (shifted, blurred)]
        for name in ("truth_ssim", "truth_aligned_ssim")
    )
    assert plain[0] < plain[1]
    assert aligned[0] > aligned[1]
    assert without_truth(shifted).value > without_truth(blurred).value + 10


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([1.0], None),
        ([2.0, 2.0, 2.0], 0.0),
        # Two long runs of one value each are two observations, not forty.
        ([0.0] * 20 + [1.0] * 20, pytest.approx(0.5 * np.sqrt(10 / 9) / np.sqrt(10))),
    ],
)
def test_the_standard_error_uses_batch_means(values: list[float], error: object) -> None:
    assert standard_error(np.float32(values)) == error


def test_worst_frames_are_far_from_the_best_value_and_spaced() -> None:
    series = np.float32([1, 0.2, 0.1, 0.3, 1, 1, 1, 1, 0.5, 1, 1, 1, np.nan] + [1.0] * 23)
    metric = summarize_metric("sharpness", series, range(100, 136))
    assert metric
    assert metric.worst_frames[:2] == (102, 108)
    assert summarize_metric("sharpness", np.float32([np.nan]), [0]) is None


def test_a_report_shows_charts_and_the_worst_frames(
    clips: dict[str, list[np.ndarray]],
    facesets: dict[str, Path],
    tmp_path: Path,
    faceloom: Callable[..., tuple],
) -> None:
    target, swap = (
        make_clip(tmp_path / f"{n}.mp4", clips[n][:6]) for n in ("target_ada", "truth_ben")
    )
    page = tmp_path / "swap.html"
    arguments = (
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
    code, out, _ = faceloom(*arguments)
    text = page.read_text()
    assert code == 0
    assert "SCORE (against the target)" in out
    # The paste is the swap itself, so the swap does not beat it.
    assert "does not beat the paste baseline" in out
    assert text.count("<svg") > 10
    assert not re.search("https?:", text)
    for link in {part.split('"')[0] for part in text.split('href="#')[1:]}:
        assert f'id="{link}"' in text
    assert faceloom(*arguments)[0] == 2
    assert faceloom(*arguments, "--force")[0] == 0


@pytest.mark.long
def test_a_comparison_survives_json(detailed: DetailedComparison) -> None:
    printed = json.loads(json.dumps(asdict(detailed.comparison)))
    assert Comparison.from_json(printed) == detailed.comparison
    assert "SCORE (against the ground truth)" in detailed.comparison.to_text()


def test_without_an_identity_there_is_no_score(
    clips: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", clips["target_ada"][:3])
    comparison = run_to_completion(compare(ClipVersions(clip, clip))).comparison
    assert all(v.score is None for v in comparison.versions)
    assert "--identity" in comparison.to_text()


# Frames of four in which the swap's face is found, then the metrics that are defined and undefined.
# One face has no motion.
MOTION = {"expression", "mouth_motion", "gaze_error", "head_pose_error", "identity_deviation"}
FOUND = {
    "none": (
        [],
        {"sharpness", "color_error", "unswapped_frames"},
        {*MOTION, "identity", "target_identity", "position_error"},
    ),
    "one": ([1], {"identity", "target_identity", "position_error"}, MOTION),
    "two": ([0, 2], {"identity", "position_error", *MOTION}, set()),
}


@pytest.mark.parametrize("stills", [False, True])
@pytest.mark.parametrize("name", FOUND)
def test_metrics_that_need_more_faces_are_absent(
    clips: dict[str, list[np.ndarray]], facesets: dict[str, Path], name: str, stills: bool
) -> None:
    with_face, present, absent = FOUND[name]
    gray = np.full_like(clips["target_ada"][0], 128)
    swaps = [
        picture if index in with_face else gray
        for index, picture in enumerate(clips["truth_ben"][:4])
    ]
    frames = [
        (index * (1 + stills), pair)
        for index, pair in enumerate(zip(clips["target_ada"][:4], swaps, strict=True))
    ]
    references = load_identity_references(FaceSet.read(facesets["ben"]), None)
    detailed = run_to_completion(compare_frames(frames, ("target", "swap"), references, "None"))
    swap = version(detailed, "swap")
    names = {metric.name for metric in swap.metrics}
    assert present <= names
    assert not absent & names
    assert all(np.isfinite(metric.mean) for metric in swap.metrics)
    assert (swap.score is None) == (name == "none")
    assert (swap.component("expression") is None) == (name != "two")
    assert ("no frame of the swap shows a face" in detailed.comparison.to_text()) == (
        name == "none"
    )


@pytest.mark.parametrize("frames_with_face", [[], [1]])
def test_a_truth_without_faces_defines_no_metric(
    clips: dict[str, list[np.ndarray]], facesets: dict[str, Path], frames_with_face: list[int]
) -> None:
    target, swap = clips["target_ada"][:4], clips["truth_ben"][:4]
    truth = [
        picture if index in frames_with_face else np.zeros_like(picture)
        for index, picture in enumerate(swap)
    ]
    references = load_identity_references(FaceSet.read(facesets["ben"]), None)
    frames = enumerate(zip(target, swap, truth, strict=True))
    detailed = run_to_completion(
        compare_frames(frames, ("target", "swap", "truth"), references, "None")
    )
    found = version(detailed, "swap")
    assert (found.metric("truth_identity") is None) == (not frames_with_face)
    assert (found.metric("truth_sharpness") is None) == (not frames_with_face)
    assert found.metric("truth_expression") is None
    assert found.metric("expression")


def test_clips_of_another_size_or_length_are_refused(
    clips: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    target = make_clip(tmp_path / "target.mp4", clips["target_ada"][:4])
    short = make_clip(tmp_path / "short.mp4", clips["target_ada"][:3])
    small = make_clip(tmp_path / "small.mp4", [np.zeros((64, 64, 3), np.uint8)] * 4)
    for other, words in ((short, "number of frames"), (small, "size")):
        with pytest.raises(UsageError, match=words):
            run_to_completion(compare(ClipVersions(target, other)))
    with pytest.raises(NoFaceFound, match="nothing to compare"):
        run_to_completion(compare(ClipVersions(small, small)))


@pytest.mark.long
def test_a_report_leaves_no_partial_file(
    detailed: DetailedComparison, clips: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", clips["target_ada"][:3])
    videos = ClipVersions(clip, clip)
    write_report(run_to_completion(compare(videos)), videos, tmp_path / "page.html")
    assert not list(tmp_path.glob(".*part"))


@pytest.mark.parametrize(
    ("every", "compared"),
    [(1, range(12)), (3, range(12)), (4, (0, 1, 3, 4, 5, 7, 8, 9, 11)), (6, (0, 1, 5, 6, 7, 11))],
)
def test_frames_are_compared_with_their_neighbors(every: int, compared: Sequence[int]) -> None:
    assert [frame for frame in range(12) if is_compared(frame, every)] == list(compared)


@pytest.mark.long
def test_a_sample_of_the_frames_has_every_component(
    clips: dict[str, list[np.ndarray]], facesets: dict[str, Path], detailed: DetailedComparison
) -> None:
    pairs = zip(clips["target_ada"], degradations.shifted(clips["truth_ben"]), strict=True)
    sampled = [frame for frame in enumerate(pairs) if is_compared(frame[0], 6)]
    references = load_identity_references(FaceSet.read(facesets["ben"]), None)
    result = run_to_completion(compare_frames(sampled, ("target", "swap"), references, "None"))
    full, part = (
        without_truth(found) for found in (version(detailed, "shifted"), version(result, "swap"))
    )
    assert [component.name for component in part.components] == [
        component.name for component in full.components
    ]
    assert part.value == pytest.approx(full.value, abs=8)


@pytest.mark.parametrize("frames", [12, 75])
def test_a_frozen_face_that_turns_with_the_head_keeps_no_motion(frames: int) -> None:
    turn, phase = np.linspace(-1, 1, frames), np.arange(frames) * 2.4
    angles = np.float32(np.stack([20 * turn, 8 * np.cos(phase), 0 * turn], 1))
    face, drift = np.random.default_rng(1).normal(0, 1, (2, 468, 2))
    frozen = face + 0.2 * angles[:, 0, None, None] / 20 * drift
    speaking = frozen.copy()
    speaking[:, list(FEATURES["mouth_motion"][0].points), 1] += 0.06 * np.sin(3 * phase)[:, None]
    known = np.ones(frames, bool)
    kept = motion_r_squared(
        *(motion(np.float32(points), angles, known) for points in (frozen, speaking))
    )
    assert kept["mouth_motion"].mean() == pytest.approx(0, abs=0.02)
    same = motion(np.float32(speaking), angles, known)
    assert motion_r_squared(same, same)["mouth_motion"].mean() == pytest.approx(1)


def test_one_group_that_moves_wrong_does_not_outweigh_the_others() -> None:
    wave = np.sin(np.arange(40))[:, None]
    reference = np.zeros((40, 468, 2), np.float32)
    for group, size in (("mouth_motion", 0.1), ("brow_motion", 0.05)):
        for feature in FEATURES[group]:
            reference[:, list(feature.points), 1] = size * wave
    swap = reference.copy()
    for feature in FEATURES["brow_motion"]:
        swap[:, list(feature.points), 1] += 10 * wave
    kept = motion_r_squared(swap, reference)
    assert kept["brow_motion"].mean() == pytest.approx(-1)
    assert 0.5 < kept["expression"].mean() < 0.9


@pytest.mark.parametrize(
    ("mouth", "eyes", "kept", "followed"),
    [
        (0, 0, 0, 0),
        (0.5, 0.5, 0.75, 0.75),
        (1, 1, 1, 1),
        # A mouth that moves five times too much; the limit of its error hides most of it.
        (5, 1, 0, 1),
        (-1, 1, 0, 0.5),
    ],
)
def test_motion_in_excess_follows_the_target_as_little_motion_does_not(
    mouth: float, eyes: float, kept: float, followed: float
) -> None:
    wave = np.sin(np.arange(40))[:, None]
    swap, reference = np.zeros((2, 40, 468, 2), np.float32)
    for group, factor in (("mouth_motion", mouth), ("eye_motion", eyes)):
        for feature in FEATURES[group]:
            motion_of_group = 2 * MOTION_UNITS[group] * wave
            reference[:, list(feature.points), 1] = motion_of_group
            swap[:, list(feature.points), 1] = factor * motion_of_group
        for feature in FEATURES[group]:
            for moved in (swap, reference):
                moved[:, list(feature.anchor), 1] = 0
    measured = motion_r_squared(swap, reference)
    assert measured["expression"].mean() == pytest.approx(kept, abs=0.1)
    assert measured["followed_motion"].mean() == pytest.approx(followed, abs=0.05)


def test_frames_in_which_the_reference_is_unknown_do_not_count() -> None:
    swap = np.zeros((40, 468, 2), np.float32)
    for feature in FEATURES["mouth_motion"]:
        swap[:, list(feature.points), 1] = 0.1 * np.sin(np.arange(40))[:, None]
    reference = swap.copy()
    reference[20:] = np.nan
    measured = motion_r_squared(swap, reference)
    assert np.nanmean(measured["followed_motion"]) == pytest.approx(1)


def test_color_of_a_gray_target_is_judged_as_the_eye_does(
    clips: dict[str, list[np.ndarray]], facesets: dict[str, Path]
) -> None:
    """Colorful lips and brows in gray footage are worse than none; the mean color is the same."""
    target, gray, colorful = [], [], []
    for before, after in zip(clips["target_ada"][:4], clips["truth_ben"][:4], strict=True):
        target.append(_gray(before))
        gray.append(_gray(after))
        lab = to_lab(after)
        face = lab[lab.shape[0] // 3 : -lab.shape[0] // 3, lab.shape[1] // 3 : -lab.shape[1] // 3]
        lab[..., 1:] -= np.median(face[..., 1:], axis=(0, 1))
        colorful.append(from_lab(lab))
    frames = list(enumerate(zip(target, gray, colorful, strict=True)))
    references = load_identity_references(FaceSet.read(facesets["ben"]), None)
    detailed = run_to_completion(
        compare_frames(frames, ("target", "paste", "swap"), references, "None")
    )
    with_gray, with_color = version(detailed, "paste"), version(detailed, "swap")
    assert with_gray.metric("chroma_error").mean == pytest.approx(0, abs=0.05)
    assert with_color.metric("chroma_error").mean > 1
    assert with_gray.component("color") > with_color.component("color") + 0.08


def _gray(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
