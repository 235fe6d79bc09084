"""The words of a score."""

import pytest

from faceloom.compare import Comparison, Grade, Score, Version, describe_score, words_of_swap
from faceloom.compare.metrics import MetricSummary
from faceloom.compare.score import ScoreComponent, compute_score


@pytest.mark.parametrize(
    ("score", "identity", "expression", "sharpness", "grade", "finding"),
    [
        (22.7, 0.7, 0.15, 0.8, Grade.poor, "moves little"),
        (3.0, 0.2, 0.15, 0.8, Grade.poor, "hardly looks like the source"),
        (30.0, 0.5, 0.6, 0.8, Grade.fair, "only partly like"),
        (41.0, 0.7, 0.4, 0.8, Grade.fair, "moves less than the target's"),
        (46.3, 0.9, 0.4, 0.8, Grade.fair, "moves less than the target's"),
        (46.3, 0.9, 0.24, 0.8, Grade.poor, "moves little"),
        (53.0, 0.8, 0.7, 0.3, Grade.good, "blurred"),
        (53.0, 0.8, 0.7, 2.0, Grade.good, "noisy"),
        # Swaps whose pictures were looked at.
        (26.6, 0.48, 0.334, 0.723, Grade.poor, "only partly like"),
        (32.6, 0.688, 0.369, 0.479, Grade.fair, "moves less than the target's"),
        (50.4, 0.668, 0.785, 0.607, Grade.fair, "looks like the source and moves"),
        (53.3, 0.787, 0.588, 0.74, Grade.good, "looks like the source and moves"),
        (60.8, 0.9, 0.6, 0.8, Grade.good, "looks like the source and moves"),
        (0.0, None, None, None, Grade.poor, "no face is found"),
        (55.0, 0.9, None, None, Grade.good, "looks like the source"),
    ],
)
def test_a_score_has_a_grade_and_names_the_gravest_fault(
    score: float,
    identity: float | None,
    expression: float | None,
    sharpness: float | None,
    grade: Grade,
    finding: str,
) -> None:
    words = describe_score(score, identity=identity, expression=expression, sharpness=sharpness)
    assert words.grade is grade
    assert finding in words.finding
    assert words.to_text().startswith(f"{score} of 100, {grade}: ")


@pytest.mark.parametrize(
    ("followed", "finding"),
    [(0.5, "the face moves unlike the target's"), (0.2, "the face moves little")],
)
def test_a_face_that_moves_too_much_is_not_said_to_move_little(
    followed: float, finding: str
) -> None:
    words = describe_score(40, identity=0.7, expression=-0.1, sharpness=1, followed_motion=followed)
    assert words.grade is Grade.poor
    assert words.finding == finding


def test_with_a_ground_truth_the_words_follow_the_motion_against_it() -> None:
    """Against the target the face follows, against the truth it is frozen."""
    means = {"followed_motion": 0.5, "truth_followed_motion": 0.05}
    metrics = tuple(MetricSummary(name, mean, None, ()) for name, mean in means.items())
    components = tuple(
        ScoreComponent(name, value) for name, value in (("identity", 0.7), ("expression", 0.1))
    )
    swap = Version("swap", metrics, Score(0.0, components))
    truth = Version("truth", (), Score(100.0, ()))
    words = words_of_swap(Comparison(4, 4, (), (swap, truth)))
    assert words
    assert words.finding == "the face moves little"


@pytest.mark.parametrize(
    ("steps_help", "advice"),
    [
        (True, "more steps help"),
        (False, "more footage of the source that speaks and turns helps more than more steps"),
        (None, "train longer; if that does not help, add more footage"),
    ],
)
def test_the_advice_follows_the_trend(steps_help: bool | None, advice: str) -> None:
    words = describe_score(20, identity=0.7, expression=0.1, sharpness=1, steps_help=steps_help)
    assert advice in words.advice


@pytest.mark.parametrize(
    ("followed", "expression", "share"),
    [(0.5, 0.5, 1), (0.5, -0.3, 1), (0.3, 0.3, 1), (0.225, 0.2, 0.5), (0.1, 0.1, 0), (0.0, -1, 0)],
)
def test_the_score_falls_with_the_followed_motion(
    followed: float, expression: float, share: float
) -> None:
    values = {
        "identity": 0.8,
        "expression": expression,
        "followed_motion": followed,
        "color_error": 0.0,
        "shading_error": 0.0,
        "chroma_error": 0.0,
        "seam": 0.0,
    }
    metrics = {name: MetricSummary(name, value, None, ()) for name, value in values.items()}
    score = compute_score(metrics, None)
    assert score is not None
    others = 0.5 * max(expression, 0) + 0.1 + 0.05
    assert score.value == pytest.approx(80 * share * others / 0.65)
