"""A score in words: how good a swap is, what is weakest about it, and what to do.

All thresholds of words are here. Training, `faceloom compare` and the report pages use them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from faceloom.compare.result import SWAP, TRUTH, Comparison

# Score from which a swap is fair. One of 26.6 has a patched skin and a faint eye; one of 32.6 of
# real footage is soft and moves little, but a person is recognized. See docs/judging.md.
FAIR_SCORE = 30.0
# Score from which a swap is good. One of 50.4 is blurred with a smeared mouth, and one of 45.9 of
# real footage smiles all the time; one of 52.9 is at the limit.
GOOD_SCORE = 51.0
# Followed motion below which a face moves little.
_LITTLE_MOVEMENT = 0.25
# Expression below which a face that follows the target's motion moves unlike it: too far, or
# elsewhere as well.
_UNLIKE_MOVEMENT = 0.25
# Expression below which a face moves less than it should.
_REDUCED_MOVEMENT = 0.55
# Identity similarity below which a face hardly looks like the source, and below which partly.
_HARDLY_SIMILAR = 0.35
_PARTLY_SIMILAR = 0.6
# Sharpness ratios below which a face is blurred and above which it is noisy.
_BLURRED = 0.4
_NOISY = 1.6
# Shares of the face from which misplaced hair and painted-over occluders are visible: hair on a
# twentieth of the forehead, half a finger.
_VISIBLE_HAIR = 0.015
_VISIBLE_OCCLUDER = 0.01
# Share of the frames with shut eyes in which the swap's are shut, below which it does not blink.
_BLINKS = 0.5
# Delta E from which skin is blotchy; another person's has up to 9.7 without any fault.
_BLOTCHY = 10.0


class Grade(StrEnum):
    """How good a swap is."""

    poor = "poor"
    """Nobody would take it for a recording."""
    fair = "fair"
    """The source is recognizable and moves; the faults are visible at once."""
    good = "good"
    """The faults are visible on a second look."""


@dataclass(frozen=True, slots=True)
class ScoreWords:
    """A score in words."""

    score: float
    """The score, 0 to 100."""
    grade: Grade
    """How good the swap is."""
    finding: str
    """What is weakest about it, as a clause such as "the face moves little"."""
    advice: str
    """What to do, as a clause."""

    def to_text(self) -> str:
        """Return for example "22.7 of 100, poor: the face moves little; train longer"."""
        return f"{self.score:.1f} of 100, {self.grade}: {self.finding}; {self.advice}"


def describe_score(
    score: float,
    *,
    identity: float | None,
    expression: float | None,
    sharpness: float | None,
    followed_motion: float | None = None,
    metrics: Mapping[str, float] = MappingProxyType({}),
    steps_help: bool | None = None,
) -> ScoreWords:
    """Describe a score.

    Args:
        score: The score, 0 to 100.
        identity: Identity similarity, 0 as the target to 1 as a real picture; None: unknown.
        expression: Share of the facial motion that is kept, up to 1; None: unknown.
        sharpness: Sharpness relative to the target; None: unknown.
        followed_motion: Share of the facial motion that is followed, without excess, up to 1; None:
            as `expression`.
        metrics: The metrics of lids, hair, occluders and skin that are known, by name.
        steps_help: Whether more training steps still help; None: unknown.
    """
    best, finding, advice = _weakest(
        identity, expression, followed_motion, sharpness, metrics, steps_help
    )
    by_score = Grade.good if score >= GOOD_SCORE else Grade.fair
    grade = min(best, by_score if score >= FAIR_SCORE else Grade.poor, key=list(Grade).index)
    return ScoreWords(score, grade, finding, advice)


def words_of_swap(comparison: Comparison) -> ScoreWords | None:
    """Describe the score of the swap in a comparison.

    Args:
        comparison: The comparison.

    Returns:
        The words; None if the swap has no score.
    """
    version = comparison.version(SWAP)
    if version is None or version.score is None:
        return None
    against_truth = comparison.version(TRUTH) is not None
    prefix = "truth_" if against_truth else ""
    sharpness = version.metric(f"{prefix}sharpness")
    followed = version.metric(f"{prefix}followed_motion")
    return describe_score(
        version.score.value,
        identity=version.component("identity"),
        expression=version.component("expression"),
        sharpness=sharpness.mean if sharpness else None,
        followed_motion=followed.mean if followed else None,
        metrics={metric.name: metric.mean for metric in version.metrics},
    )


def _weakest(
    identity: float | None,
    expression: float | None,
    followed_motion: float | None,
    sharpness: float | None,
    metrics: Mapping[str, float],
    steps_help: bool | None,
) -> tuple[Grade, str, str]:
    """Return the best grade that the weakest property allows, what it is, and what to do."""
    train = _training_advice(steps_help)
    if identity is None:
        return Grade.poor, "no face is found in it", "train longer, and look at the preview"
    moved = 1.0 if expression is None else expression
    followed = moved if followed_motion is None else followed_motion
    detail = 1.0 if sharpness is None else sharpness
    # The gravest fault comes first.
    faults = (
        (identity < _HARDLY_SIMILAR, Grade.poor, "the face hardly looks like the source", train),
        (followed < _LITTLE_MOVEMENT, Grade.poor, "the face moves little", train),
        (moved < _UNLIKE_MOVEMENT, Grade.poor, "the face moves unlike the target's", train),
        (identity < _PARTLY_SIMILAR, Grade.fair, "it looks only partly like the source", train),
        *_occlusion_faults(metrics),
        (
            metrics.get("shut_eyes_kept", 1.0) < _BLINKS,
            Grade.fair,
            "its eyes are open where the target's are shut",
            f"footage of the source that blinks helps; {train}",
        ),
        (moved < _REDUCED_MOVEMENT, Grade.fair, "the face moves less than the target's", train),
        (detail < _BLURRED, Grade.good, "the face is blurred", "sharper footage helps"),
        (
            metrics.get("uneven_color", 0.0) > _BLOTCHY,
            Grade.good,
            "the color of the skin is uneven",
            "try another --color",
        ),
        (detail > _NOISY, Grade.good, "the face is noisy", "train longer or lower --sharpen"),
    )
    no_fault = (
        Grade.good,
        "the face looks like the source and moves with the target",
        "look at it in motion before you train longer",
    )
    found = ((best, text, advice) for is_fault, best, text, advice in faults if is_fault)
    return next(found, no_fault)


def _occlusion_faults(metrics: Mapping[str, float]) -> tuple[tuple[bool, Grade, str, str], ...]:
    """Return the faults of hair and occluders; see `_weakest`."""
    masked = "convert with --mask regions"
    return (
        (
            metrics.get("foreign_hair", 0.0) > _VISIBLE_HAIR,
            Grade.fair,
            "hair covers the target's skin",
            f"{masked}; footage of the source without a fringe helps",
        ),
        (
            metrics.get("lost_hair", 0.0) > _VISIBLE_HAIR,
            Grade.fair,
            "the face covers the target's hair",
            masked,
        ),
        (
            metrics.get("lost_occluders", 0.0) > _VISIBLE_OCCLUDER,
            Grade.fair,
            "the face covers what stands in front of it",
            f"{masked}, or leave these moments out with --range",
        ),
    )


def _training_advice(steps_help: bool | None) -> str:
    footage = "more footage of the source that speaks and turns"
    if steps_help is None:
        return f"train longer; if that does not help, add {footage}"
    return "more steps help" if steps_help else f"{footage} helps more than more steps"
