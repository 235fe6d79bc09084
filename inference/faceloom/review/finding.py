"""What a finding is: a fault of the footage in plain words, and what to do about it."""

from collections.abc import Mapping
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
    nothing but a camera helps.
    """

    name: str
    severity: Severity
    text: str
    action: str
    weight: float
    figures: Mapping[str, float] = field(default_factory=dict)
    command: str = ""


def gravest_first(findings: list[Finding]) -> list[Finding]:
    """Sort by severity, then by how much is concerned."""
    order = list(Severity)
    return sorted(findings, key=lambda finding: (order.index(finding.severity), -finding.weight))


def percent(share: float) -> str:
    """Say a share."""
    return f"{100 * share:.0f} %"
