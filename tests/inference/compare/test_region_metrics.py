"""Figures of hair, occluders and skin: best for an untouched truth, worse for each spoiled one."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from tests.helpers.region_maps import (
    BROW_ROW,
    face_area,
    labels_of_face,
    picture_of,
    region_map,
)

from faceloom.compare import Comparison, Grade, Version, compute_score, describe_score
from faceloom.compare.html_report import worst_frames
from faceloom.compare.image_metrics import ImageMetrics
from faceloom.compare.metrics import METRICS_BY_NAME, MetricSummary
from faceloom.compare.observations import (
    CROP,
    FaceMeasurements,
    FaceObservation,
    FaceRegion,
    FrameObservation,
)
from faceloom.faces.parsing.regions import Region

FIGURES = ("foreign_hair", "lost_hair", "occluders_kept", "lost_occluders", "uneven_color")
FACE = face_area()
FOREHEAD = FACE & (np.arange(len(FACE))[:, None] < BROW_ROW)
LABELS = labels_of_face()


def with_fringe(labels: np.ndarray) -> np.ndarray:
    """Let hair hang over half of the forehead."""
    changed = labels.copy()
    changed[FOREHEAD & (np.arange(len(FACE)) < 64)] = Region.HAIR
    return changed


def with_hand(labels: np.ndarray) -> np.ndarray:
    """Put a hand over the left cheek."""
    changed = labels.copy()
    changed[70:110, 20:56] = Region.OCCLUDER
    return changed


def blotched(picture: np.ndarray) -> np.ndarray:
    """Darken a soft patch on a cheek."""
    y, x = np.mgrid[: len(picture), : len(picture)] / len(picture)
    patch = np.exp(-(((x - 0.6) / 0.08) ** 2 + ((y - 0.6) / 0.12) ** 2))
    return np.asarray(np.rint(picture * (1 - 0.4 * patch[..., None])), np.uint8)


def lit(picture: np.ndarray) -> np.ndarray:
    """Light a picture from the left."""
    light = np.linspace(1.2, 0.7, len(picture))[None, :, None]
    return np.asarray(np.rint(np.clip(picture * light, 0, 255)), np.uint8)


def measure(
    target: np.ndarray,
    swap: np.ndarray,
    paint_target: Callable[[np.ndarray], np.ndarray] = np.copy,
    paint_swap: Callable[[np.ndarray], np.ndarray] = np.copy,
) -> dict[str, float]:
    """Return the swap's figures for the labels of both pictures."""
    pictures = paint_target(picture_of(target)), paint_swap(picture_of(swap))
    versions = tuple(
        FaceObservation(picture, FaceMeasurements.none(), region_map(labels))
        for picture, labels in zip(pictures, (target, swap), strict=True)
    )
    face = cv2.resize(FACE.astype(np.uint8), (CROP.size, CROP.size)) > 0
    observation = FrameObservation(0, versions, FaceRegion(face))
    return ImageMetrics(None).measure(observation)[1]


def darker(picture: np.ndarray) -> np.ndarray:
    """Give a picture another person's skin."""
    return np.asarray(np.rint(picture * 0.9), np.uint8)


# The labels of the target and of the truth, and how each is painted.
TRUTHS = {
    "plain": (LABELS, LABELS, np.copy, darker),
    "a fringe": (with_fringe(LABELS), with_fringe(LABELS), np.copy, darker),
    "a hand": (with_hand(LABELS), with_hand(LABELS), np.copy, np.copy),
    "light from a side": (LABELS, LABELS, lit, lambda picture: darker(lit(picture))),
    "a hairline that moved by a pixel": (LABELS, np.roll(LABELS, 1, 1), np.copy, darker),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_an_untouched_truth_has_the_best_value(name: str) -> None:
    figures = measure(*TRUTHS[name])
    for figure in FIGURES:
        if not np.isnan(figures[figure]):
            tolerance = 1.0 if figure == "uneven_color" else 1e-6
            assert figures[figure] == pytest.approx(METRICS_BY_NAME[figure].best, abs=tolerance)
    assert np.isnan(figures["occluders_kept"]) == (name != "a hand")


# The labels of the target and of the spoiled truth, how it is painted, and the figures that show it
# with their least and largest value.
SPOILED = {
    "hair on the forehead": (LABELS, with_fringe(LABELS), np.copy, {"foreign_hair": (0.08, 0.2)}),
    "a face through a fringe": (with_fringe(LABELS), LABELS, np.copy, {"lost_hair": (0.08, 0.2)}),
    "a face over a hand": (
        with_hand(LABELS),
        LABELS,
        np.copy,
        {"occluders_kept": (0, 0.05), "lost_occluders": (0.1, 0.3)},
    ),
    "blotches": (LABELS, LABELS, blotched, {"uneven_color": (8, 25)}),
}


@pytest.mark.parametrize("name", SPOILED)
def test_each_spoiled_truth_shows_in_its_own_figures_alone(name: str) -> None:
    target, spoiled, paint, expected = SPOILED[name]
    figures = measure(target, spoiled, np.copy, paint)
    for figure in FIGURES:
        if figure in expected:
            least, largest = expected[figure]
            assert least <= figures[figure] <= largest
        elif not np.isnan(figures[figure]):
            tolerance = 1.0 if figure == "uneven_color" else 0.005
            assert figures[figure] == pytest.approx(METRICS_BY_NAME[figure].best, abs=tolerance)


def test_a_face_that_is_no_face_has_no_figures() -> None:
    labels = np.zeros_like(LABELS)
    versions = tuple(FaceObservation(picture_of(labels), FaceMeasurements.none()) for _ in range(2))
    face = cv2.resize(FACE.astype(np.uint8), (CROP.size, CROP.size)) > 0
    row = ImageMetrics(None).measure(FrameObservation(0, versions, FaceRegion(face)))[1]
    assert not set(FIGURES) & set(row)


def summaries(**changed: float) -> dict[str, MetricSummary]:
    """Return the metrics of a swap without a fault, with some changed."""
    values = {
        "identity": 0.9,
        "expression": 0.7,
        "sharpness": 1.0,
        "color_error": 2.0,
        "shading_error": 2.0,
        "chroma_error": 0.0,
        "seam": 0.7,
        "position_error": 0.01,
        "foreign_hair": 0.0,
        "lost_hair": 0.0,
        "lost_occluders": 0.0,
        "uneven_color": 6.0,
    } | changed
    return {name: MetricSummary(name, value, None, ()) for name, value in values.items()}


@pytest.mark.parametrize(
    ("figure", "value", "component", "finding"),
    [
        ("foreign_hair", 0.03, "occlusion", "hair covers the target's skin"),
        ("lost_hair", 0.05, "occlusion", "covers the target's hair"),
        ("lost_occluders", 0.07, "occlusion", "covers what stands in front of it"),
        ("uneven_color", 11.0, "color", "the color of the skin is uneven"),
    ],
)
def test_each_fault_lowers_the_score_and_is_named(
    figure: str, value: float, component: str, finding: str
) -> None:
    good, bad = compute_score(summaries(), None), compute_score(summaries(**{figure: value}), None)
    assert good
    assert bad
    fallen = {
        a.name: a.value - b.value for a, b in zip(good.components, bad.components, strict=True)
    }
    assert max(fallen, key=lambda name: fallen[name]) == component
    assert bad.value < good.value * (0.75 if component == "occlusion" else 0.99)
    # What is as in the ground truth is no fault.
    truth = summaries(**{figure: value})
    truth |= {f"truth_{n}": truth[n] for n in ("identity", "color_error", "seam")}
    against_truth = compute_score(truth, truth)
    assert against_truth
    assert {c.name: c.value for c in against_truth.components}["occlusion"] == 1
    words = describe_score(
        bad.value, identity=0.9, expression=0.7, sharpness=1.0, metrics={figure: value}
    )
    assert finding in words.finding
    assert (words.grade is Grade.good) == (component == "color")


def test_a_swap_without_these_faults_scores_as_one_whose_regions_are_unknown() -> None:
    known = summaries()
    unknown = {
        name: metric
        for name, metric in known.items()
        if name not in {"foreign_hair", "lost_hair", "lost_occluders", "uneven_color"}
    }
    with_regions, without = compute_score(known, None), compute_score(unknown, None)
    assert with_regions
    assert without
    assert with_regions.value == pytest.approx(without.value)


def test_a_report_shows_no_worst_frame_of_a_fault_that_is_not_there() -> None:
    metrics = (
        MetricSummary("foreign_hair", 0.0, 0.0, (3,)),
        MetricSummary("lost_hair", 0.02, 0.0, (5,)),
        MetricSummary("occluders_kept", 0.4, 0.0, (7,)),
    )
    comparison = Comparison(9, 9, (7,), (Version("swap", metrics, None),))
    assert worst_frames(comparison) == {5: ["lost_hair"], 7: ["occluders_kept"]}
