"""What a target does and a source lacks makes a finding; so does what is difficult in a target."""

from dataclasses import replace

import numpy as np
import pytest
from tests.helpers.reviews import run_checks, target_of, turned, with_constants

from faceloom.array_types import float32
from faceloom.faces.parsing.occlusion import Occlusion
from faceloom.review import DIRECTION_CHECKS, FaceSetStatistics, SwapDirection, list_directions
from faceloom.review.coverage import covered_share, find_coverage_gap
from faceloom.review.coverage_findings import TARGET_CHECKS
from faceloom.review.verdict import Readiness, judge_readiness

# Properties of some of the target's faces that the source lacks, the finding, a part of its text.
GAPS = {
    "left": (
        {"yaw": -50.0},
        "pose gap left",
        "turns to 50 degrees left in 14 % of the frames; ben has no face there",
    ),
    "right": ({"yaw": 40.0}, "pose gap right", "turns to 40 degrees right"),
    "up": ({"pitch": 35.0, "yaw": 0.0}, "pose gap up", "looks up by 35 degrees"),
    "down": ({"pitch": -30.0, "yaw": 0.0}, "pose gap down", "looks down by 30 degrees"),
    "mouth": ({"mouth_open": 1.2}, "mouth gap", "opens the mouth wider in 14 % of the frames"),
    "lighting": (
        {"gradient_x": 1.0},
        "lighting gap",
        "is lit more from the right in 14 % of the frames",
    ),
}
# Properties of the target, the finding, a part of its text.
DIFFICULT_TARGETS = {
    "passers-by": (
        {"frames_with_several_faces": 30},
        "several faces",
        "shows more than one face in 25 % of the frames",
    ),
    "empty frames": (
        {"frames_without_face": 30},
        "frames without a face",
        "No face is found in 25 % of the frames",
    ),
    "hands": (
        {"occlusion": Occlusion(30, ((4.2, 6.0), (8.0, 8.0)))},
        "something before the face",
        "Something stands before the face in 25 % of the frames with a face: 4.2 to 6.0 s, 8.0 s.",
    ),
}


def check_direction(source: FaceSetStatistics, target: FaceSetStatistics) -> list[str]:
    """Return the names of the findings of a swap."""
    direction = SwapDirection(source, target.table, target.name, "faces")
    return list(run_checks(DIRECTION_CHECKS, direction))


def test_good_footage_has_no_finding(ada: FaceSetStatistics, ben: FaceSetStatistics) -> None:
    for direction in list_directions((ada, ben), None):
        assert run_checks(DIRECTION_CHECKS, direction) == {}
    assert run_checks(TARGET_CHECKS, target_of(ada)) == {}


@pytest.mark.parametrize("name", GAPS)
def test_what_the_source_lacks_is_found(
    name: str, ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    values, expected, words = GAPS[name]
    count = round(0.14 * len(ada))
    columns = {
        key: float32(np.concatenate([getattr(ada.table, key)[count:], [value] * count]))
        for key, value in values.items()
    }
    target = replace(ada.table, **columns)
    findings = run_checks(DIRECTION_CHECKS, SwapDirection(ben, target, "clip.mp4", "frames"))
    assert list(findings) == [expected]
    assert words in findings[expected].text


def test_frontal_faces_may_be_missing(ada: FaceSetStatistics, ben: FaceSetStatistics) -> None:
    direction = SwapDirection(turned(ben, 60), ada.table, "ada", "faces")
    finding = run_checks(DIRECTION_CHECKS, direction)["pose gap ahead"]
    assert "looks nearly ahead (" in finding.text


def test_a_source_that_never_blinks_is_found(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    assert check_direction(with_constants(ben, eyes_open=0.25), ada) == ["blink gap"]


def test_a_source_with_small_faces_is_found(ada: FaceSetStatistics, ben: FaceSetStatistics) -> None:
    assert check_direction(with_constants(ben, size=90), ada) == ["low resolution"]


@pytest.mark.parametrize(("misjudged", "expected"), [(4, ["blink gap"]), (12, [])])
def test_a_few_misjudged_open_eyes_do_not_count_as_blinks(
    ada: FaceSetStatistics, ben: FaceSetStatistics, misjudged: int, expected: list[str]
) -> None:
    """Of a thousand open eyes a few count as closed."""
    columns = {
        name: np.resize(getattr(ben.table, name), 1000)
        for name in ("yaw", "pitch", "size", "mouth_open")
    }
    eyes_open = float32(np.where(np.arange(1000) < misjudged, 0.1, 0.25))
    table = replace(ben.table, **columns, eyes_open=eyes_open)
    assert check_direction(replace(ben, table=table), ada) == expected


def test_every_check_of_a_direction_is_tested() -> None:
    tested = {gap[1] for gap in GAPS.values()} | {"pose gap ahead", "blink gap", "low resolution"}
    assert len(tested) == len(DIRECTION_CHECKS)


@pytest.mark.parametrize("name", DIFFICULT_TARGETS)
def test_what_is_difficult_in_a_target_is_found(name: str, ada: FaceSetStatistics) -> None:
    values, expected, words = DIFFICULT_TARGETS[name]
    findings = run_checks(TARGET_CHECKS, target_of(ada, **values))
    assert list(findings) == [expected]
    assert words in findings[expected].text


def test_several_people_in_a_target_are_found_and_named(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    findings = run_checks(TARGET_CHECKS, target_of(ada, ben))
    assert list(findings) == ["several people"]
    assert "2 people (ada in 100 %, ben in 100 % of the frames)" in findings["several people"].text
    assert len(TARGET_CHECKS) == len(DIFFICULT_TARGETS) + 1


def test_coverage_is_a_share_of_the_target_s_faces(
    ada: FaceSetStatistics, ben: FaceSetStatistics
) -> None:
    half = replace(ada.table, yaw=float32(np.where(np.arange(len(ada)) % 2, 0, 70)))
    direction = SwapDirection(ben, half, "ada", "faces")
    assert covered_share(direction) == pytest.approx(0.5)
    gap = find_coverage_gap(direction, "right")
    assert gap is not None
    assert (gap.share, gap.source_faces) == (pytest.approx(0.5), 0)
    assert find_coverage_gap(direction, "left") is None
    verdict = judge_readiness(direction, [])
    assert (verdict.readiness, verdict.covered) == (Readiness.NOT_READY, pytest.approx(0.5))
