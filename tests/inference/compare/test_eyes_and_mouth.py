"""Lids, gaze and mouth are judged by name: what spoils one of them lowers its own figures."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from tests.helpers import degradations

from faceloom.compare import (
    Comparison,
    DetailedComparison,
    compare_frames,
    describe_score,
    load_identity_references,
    words_of_swap,
)
from faceloom.compare.eye_moments import EyeMoments
from faceloom.compare.eyes_and_mouth import (
    lid_error,
    mouth_opening_error,
    mouth_shape_kept,
    shut_eyes_kept,
)
from faceloom.compare.html_report import worst_frames
from faceloom.compare.score_words import Grade
from faceloom.faces.expression import relative_lid_opening
from faceloom.faceset import FaceSet
from faceloom.progress import run_to_completion
from faceloom.video import read_frames

# Frames of the sample: its only blink (36 to 40), and glances to either side.
FRAMES = [*range(26, 44), *range(66, 75)]
BLINK = range(35, 42)
OPEN = 30
FRAME_RATE = 25.0


@pytest.fixture(scope="module")
def detailed(sample: Path, facesets: dict[str, Path]) -> DetailedComparison:
    """The ground truth, spoiled in one way each; the swap never shuts its eyes."""
    target, truth = (
        [frame.rgb for frame in read_frames(sample / f"{name}.mp4")]
        for name in ("target_ada", "truth_ben")
    )
    target, truth = ([clip[frame] for frame in FRAMES] for clip in (target, truth))
    opened = [FRAMES.index(OPEN if frame in BLINK else frame) for frame in FRAMES]
    exchanged = [n if f in BLINK else len(FRAMES) - 1 - n for n, f in enumerate(FRAMES)]
    versions = {
        "target": target,
        "gaze": degradations.with_eyes_of(truth, exchanged),
        "mouth": degradations.with_another_mouth(truth),
        "swap": degradations.with_eyes_of(truth, opened),
        "truth": truth,
    }
    references = load_identity_references(FaceSet.read(facesets["ben"]), None)
    frames = zip(FRAMES, zip(*versions.values(), strict=True), strict=True)
    return run_to_completion(
        compare_frames(frames, tuple(versions), references, "None", frame_rate=FRAME_RATE)
    )


def figures(detailed: DetailedComparison, name: str) -> dict[str, float]:
    version = detailed.comparison.version(name)
    assert version
    return {metric.name: metric.mean for metric in version.metrics}


@pytest.mark.long
def test_the_truth_keeps_lids_gaze_and_mouth(detailed: DetailedComparison) -> None:
    truth = figures(detailed, "truth")
    assert truth["shut_eyes_kept"] == truth["truth_shut_eyes_kept"] == 1
    for name in ("lid_error", "gaze_error", "mouth_opening_error"):
        assert truth[f"truth_{name}"] == 0
    assert truth["truth_mouth_shape"] == pytest.approx(1)
    assert truth["lid_error"] < 0.1
    assert truth["gaze_error"] < 0.03
    assert truth["mouth_opening_error"] < 0.1
    version = detailed.comparison.version("truth")
    assert version
    assert version.component("eyes") == pytest.approx(1)


# What is spoiled, its figure, and the least by which it is worse than the truth's.
SPOILED = [
    ("swap", "lid_error", 0.05),
    ("swap", "truth_lid_error", 0.05),
    ("gaze", "gaze_error", 0.01),
    ("gaze", "truth_gaze_error", 0.02),
    ("mouth", "mouth_opening_error", 0.05),
    ("mouth", "truth_mouth_opening_error", 0.1),
]


@pytest.mark.parametrize(("name", "figure", "worse"), SPOILED)
@pytest.mark.long
def test_what_is_spoiled_is_measured(
    detailed: DetailedComparison, name: str, figure: str, worse: float
) -> None:
    assert figures(detailed, name)[figure] > figures(detailed, "truth")[figure] + worse


@pytest.mark.parametrize("prefix", ["", "truth_"])
@pytest.mark.long
def test_open_eyes_in_a_blink_and_another_mouth_are_measured(
    detailed: DetailedComparison, prefix: str
) -> None:
    spoiled, mouth, truth = (figures(detailed, name) for name in ("swap", "mouth", "truth"))
    assert spoiled[f"{prefix}shut_eyes_kept"] == 0
    assert mouth[f"{prefix}shut_eyes_kept"] == 1
    assert mouth[f"{prefix}mouth_shape"] < 0.5 * truth[f"{prefix}mouth_shape"]
    assert spoiled[f"{prefix}mouth_shape"] > 0.7 * truth[f"{prefix}mouth_shape"]


@pytest.mark.long
def test_the_motion_of_the_lids_counts(detailed: DetailedComparison) -> None:
    truth, spoiled = (figures(detailed, name) for name in ("truth", "swap"))
    # The same performance by another person, and one without its blink.
    assert truth["expression"] > 0.85
    assert spoiled["eye_motion"] < 0.3
    assert spoiled["truth_expression"] < 0.5


@pytest.mark.parametrize("name", ["swap", "gaze"])
@pytest.mark.long
def test_spoiled_eyes_lower_their_component_most(detailed: DetailedComparison, name: str) -> None:
    spoiled, perfect = (detailed.comparison.version(each) for each in (name, "truth"))
    assert spoiled
    assert spoiled.score
    assert perfect
    assert perfect.score
    fallen = {
        p.name: q.value - p.value
        for p, q in zip(spoiled.score.components, perfect.score.components, strict=True)
    }
    assert fallen.pop("eyes") > max(fallen.values())
    assert spoiled.score.value < 98


@pytest.mark.long
def test_open_eyes_in_a_blink_are_named_with_their_time(detailed: DetailedComparison) -> None:
    eyes = detailed.comparison.eyes
    assert set(eyes.wrongly_open) >= {37, 38}
    assert set(eyes.wrongly_open) <= set(BLINK)
    assert not eyes.wrongly_shut
    assert eyes.to_text().startswith("The swap's eyes are open where the target's are shut in ")
    assert ": at 1." in eyes.to_text()
    assert eyes.to_text() in detailed.comparison.to_text()
    assert eyes.at(38) == "eyes open where the target's are shut at 1.5 s"
    assert eyes.at(OPEN) == ""
    (middle,) = eyes.worst_frames()
    assert middle in worst_frames(detailed.comparison)
    words = words_of_swap(detailed.comparison)
    assert words
    assert words.grade is not Grade.good
    assert "eyes are open where the target's are shut" in words.finding


@pytest.mark.long
def test_a_comparison_with_eyes_survives_json(detailed: DetailedComparison) -> None:
    printed = json.loads(json.dumps(asdict(detailed.comparison)))
    assert Comparison.from_json(printed) == detailed.comparison
    del printed["eyes"]
    assert Comparison.from_json(printed).eyes == EyeMoments()


def test_a_swap_that_never_blinks_is_not_good() -> None:
    grades = [
        describe_score(
            80, identity=0.9, expression=0.9, sharpness=1.0, metrics={"shut_eyes_kept": kept}
        ).grade
        for kept in (0.2, 0.9)
    ]
    assert grades == [Grade.fair, Grade.good]


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (10.0, "open where the target's are shut in 3 of 4 such frames: at 0.2 to 0.3 s, at 2.0 s"),
        (None, "open where the target's are shut in 3 of 4 such frames: at frames 2 to 3, at"),
    ],
)
def test_moments_are_told_in_seconds_or_frames(rate: float | None, words: str) -> None:
    frames = [0, 1, 2, 3, 20, 21, 22]
    target = np.float32([1, 0.1, 0.1, 0.2, 0.3, 1, 1])
    swap = np.float32([1, 0.1, 1, 0.9, 0.8, 0.2, np.nan])
    moments = EyeMoments.find(swap, target, frames, rate)
    assert moments.shut_frames == 4
    assert words in moments.to_text()
    assert "they are shut where the target's are open at" in moments.to_text()
    assert EyeMoments.find(target, target, frames, rate).to_text() == ""


def series(*values: float) -> np.ndarray:
    return np.float32(values)


def test_lids_are_relative_to_the_person() -> None:
    narrow, wide = (relative_lid_opening(series(1, 1, 1, 0.1, 1) * size) for size in (0.25, 0.4))
    assert lid_error(narrow, wide).max() == pytest.approx(0, abs=1e-6)
    # Eyes that are shut throughout are shut.
    assert (relative_lid_opening(series(0.05, 0.04, 0.05)) < 0.3).all()
    assert np.isnan(relative_lid_opening(series(np.nan, np.nan))).all()


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (series(1, 0.1, 0.6, 1), [np.nan, 1, 1, np.nan]),
        (series(1, 1, 0.1, 1), [np.nan, 0, 1, np.nan]),
        (series(1, np.nan, 0.1, 1), [np.nan] * 4),
    ],
)
def test_shut_eyes_count_where_the_reference_shuts_them(
    own: np.ndarray, expected: list[float]
) -> None:
    kept = shut_eyes_kept(own, series(1, 0.1, 0.2, 0.9))
    assert np.array_equal(kept, np.float32(expected), equal_nan=True)


def test_another_persons_mouth_may_be_larger_and_a_frozen_one_is_not() -> None:
    reference = series(0, 0.2, 0.6, 0.1)
    error: Callable[..., np.ndarray] = mouth_opening_error
    assert error(reference * 1.3, reference, same_person=False).max() < 1e-6
    assert error(reference * 1.3, reference, same_person=True).max() > 0.1
    assert error(reference * 0 + 0.1, reference, same_person=False).mean() > 0.1


def test_mouth_shape_ignores_size_and_offset_and_not_the_course() -> None:
    random = np.random.default_rng(0)
    reference = random.uniform(0, 1, (200, 52)).astype(np.float32)
    assert mouth_shape_kept(0.3 * reference + 0.2, reference).mean() == pytest.approx(1, abs=1e-4)
    assert mouth_shape_kept(1 - reference, reference).mean() == pytest.approx(0, abs=1e-4)
    still = np.full_like(reference, 0.4)
    assert mouth_shape_kept(still, reference).mean() == pytest.approx(0, abs=1e-4)
    assert abs(mouth_shape_kept(reference[::-1].copy(), reference).mean()) < 0.05
    assert np.isnan(mouth_shape_kept(reference, still)).all()
