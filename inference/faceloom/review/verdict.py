"""Whether a direction is ready to be trained, and what would help it most."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from faceloom.review.coverage import covered_share
from faceloom.review.finding import Finding, Severity
from faceloom.review.statistics import Direction

# Shares of the host's poses that the guest must have faces for.
_READY, _USABLE = 0.95, 0.8


class Readiness(StrEnum):
    """ready: train. usable: it will work but for what is said. not ready: get more footage first."""

    ready = "ready"
    usable = "usable, with gaps"
    not_ready = "not ready"


@dataclass(frozen=True, slots=True)
class Verdict:
    """covered: share of the host's faces whose pose the guest has enough faces for, 0..1.

    help_most: what to do first. command: what to type for it, or empty.
    """

    guest: str
    host: str
    readiness: Readiness
    covered: float
    unit: str
    help_most: str
    command: str = ""


def judge(direction: Direction, findings: Sequence[Finding]) -> Verdict:
    """Judge a direction by its coverage and by the findings that concern it, the gravest first."""
    covered = covered_share(direction)
    severities = {finding.severity for finding in findings}
    if covered < _USABLE or Severity.grave in severities:
        readiness = Readiness.not_ready
    elif covered < _READY or Severity.warning in severities:
        readiness = Readiness.usable
    else:
        readiness = Readiness.ready
    worse = [finding for finding in findings if finding.severity != Severity.note]
    help_most, command = (
        (worse[0].action, worse[0].command) if worse else ("Nothing is missing; train.", "")
    )
    return Verdict(
        direction.guest.name,
        direction.host_name,
        readiness,
        covered,
        direction.unit,
        help_most,
        command,
    )
