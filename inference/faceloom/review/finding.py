"""What a finding is: a fault of the footage in plain words, and what to do about it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """grave: the swap will fail there. warning: it will be worse. note: worth knowing."""

    grave = "grave"
    warning = "warning"
    note = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """weight: the share of faces or frames concerned, which orders findings of one severity.

    action: what to do, in words. command: what to type for it, ready for a shell in any folder; empty where
    nothing but a camera helps. about: the person, two people, direction or target that it was found of, by which
    findings are shown together.
    """

    name: str
    severity: Severity
    text: str
    action: str
    weight: float
    figures: Mapping[str, float] = field(default_factory=dict)
    command: str = ""
    about: str = ""


def gravest_first(findings: list[Finding]) -> list[Finding]:
    """Sort by severity, then by how much is concerned."""
    order = list(Severity)
    return sorted(findings, key=lambda finding: (order.index(finding.severity), -finding.weight))


def by_subject(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Group findings by what they are about, in their order: of sorted ones the group with the gravest comes first."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.about, []).append(finding)
    return groups


def tally(findings: Sequence[Finding]) -> str:
    """Say how many findings there are of each severity: 1 grave, 3 warnings."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(
        _counted(counts[severity], severity) for severity in Severity if counts[severity]
    )


def _counted(count: int, severity: Severity) -> str:
    return (
        f"{count} {severity}"
        if count == 1 or severity == Severity.grave
        else f"{count} {severity}s"
    )


def percent(share: float) -> str:
    """Say a share."""
    return f"{100 * share:.0f} %"
