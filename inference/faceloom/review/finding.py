"""Findings of the review: a problem of the footage, and what to do about it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad a problem is, the worst first."""

    CRITICAL = "critical"
    """The swap will fail there."""
    WARNING = "warning"
    """The swap will be worse."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class ReviewFinding:
    """One problem of the footage."""

    name: str
    """Kind of the problem."""
    severity: Severity
    """How bad it is."""
    text: str
    """The problem, as a sentence."""
    action: str
    """What to do about it, as a sentence."""
    affected: float
    """Share of the faces or frames that it affects, 0 to 1; sorts findings of one severity."""
    measurements: Mapping[str, float] = field(default_factory=dict)
    """The numbers behind it."""
    command: str = ""
    """A shell command that does it, for any working directory; empty if only new footage helps."""
    alternative: str = ""
    """What to do instead of the command where it would make the verdict worse, as a sentence."""
    subject: str = ""
    """Face set, pair, swap direction or target that it is about; the report groups by it."""


def sort_by_severity(findings: list[ReviewFinding]) -> list[ReviewFinding]:
    """Sort findings by severity, then by the affected share, the worst first.

    Args:
        findings: The findings.
    """
    order = list(Severity)
    return sorted(findings, key=lambda finding: (order.index(finding.severity), -finding.affected))


def group_by_subject(findings: Sequence[ReviewFinding]) -> dict[str, list[ReviewFinding]]:
    """Group findings by subject, in the order of each subject's first finding.

    Args:
        findings: The findings; if they are sorted, the group with the worst comes first.
    """
    groups: dict[str, list[ReviewFinding]] = {}
    for finding in findings:
        groups.setdefault(finding.subject, []).append(finding)
    return groups


def format_counts(findings: Sequence[ReviewFinding]) -> str:
    """Count findings by severity, for example "1 critical, 3 warnings".

    Args:
        findings: The findings.
    """
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(
        _counted(counts[severity], severity) for severity in Severity if counts[severity]
    )


def _counted(count: int, severity: Severity) -> str:
    plural = "" if count == 1 or severity is Severity.CRITICAL else "s"
    return f"{count} {severity}{plural}"


def format_percent(share: float) -> str:
    """Format a share as percent.

    Args:
        share: 0 to 1.
    """
    return f"{100 * share:.0f} %"
