"""Whether a swap direction is ready to train, and what would help most."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from faceloom.review.coverage import covered_share
from faceloom.review.finding import ReviewFinding, Severity
from faceloom.review.statistics import SwapDirection

# Covered share of the target's head poses from which a direction is ready.
COVERED_READY = 0.95
# Covered share from which it is usable.
COVERED_USABLE = 0.8


class Readiness(StrEnum):
    """Whether training is worth starting."""

    READY = "ready"
    """Train."""
    USABLE = "usable, with gaps"
    """The swap will work except for the findings."""
    NOT_READY = "not ready"
    """Get more footage first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one swap direction."""

    source: str
    """Name of the source's face set."""
    target: str
    """Name of the person in the target, or of their face set."""
    readiness: Readiness
    """Whether training is worth starting."""
    covered: float
    """Share of the target's head poses that the source has enough faces for, 0 to 1."""
    unit: str
    """What the target's faces are counted in."""
    next_action: str
    """What to do first, as a sentence."""
    command: str = ""
    """A shell command that does it; may be empty."""


def judge_readiness(direction: SwapDirection, findings: Sequence[ReviewFinding]) -> Verdict:
    """Judge a swap direction.

    Args:
        direction: The swap.
        findings: The findings that concern it, the worst first.
    """
    covered = covered_share(direction)
    severities = {finding.severity for finding in findings}
    if covered < COVERED_USABLE or Severity.CRITICAL in severities:
        readiness = Readiness.NOT_READY
    elif covered < COVERED_READY or Severity.WARNING in severities:
        readiness = Readiness.USABLE
    else:
        readiness = Readiness.READY
    problems = [finding for finding in findings if finding.severity is not Severity.NOTE]
    return Verdict(
        direction.source.name,
        direction.target_name,
        readiness,
        covered,
        direction.unit,
        problems[0].action if problems else "Nothing is missing; train.",
        problems[0].command if problems else "",
    )
