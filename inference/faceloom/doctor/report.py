"""Gather every check into one report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceloom.doctor import bundle_check, detectors, machine, marks, media, providers, training
from faceloom.doctor.finding import Finding
from faceloom.errors import ArtifactRefused, ProviderMissing

__all__ = ["Finding", "ProgressCallback", "examine"]


@dataclass(frozen=True, slots=True)
class ProgressCallback:
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """3 if the bundle is refused, 4 if something that nothing works without does not work, else 0."""
        failed = [finding for finding in self.findings if finding.state == "failed"]
        if any(finding.what.startswith("bundle ") for finding in failed):
            return ArtifactRefused.exit_code
        return ProviderMissing.exit_code if failed else 0

    def to_text(self) -> str:
        """Return a line a finding, with the advice below it."""
        lines = []
        for finding in self.findings:
            lines.append(f"{_SIGNS[finding.state]} {finding.what:<22} {finding.detail}")
            if finding.advice:
                lines.append(f"{'':<25} -> {finding.advice}")
        return "\n".join(lines)


_SIGNS: dict[Literal["ok", "missing", "failed"], str] = {"ok": "+", "missing": "-", "failed": "!"}


def examine(bundle: Path | None = None, provider: str = "auto") -> ProgressCallback:
    """Run every check; with `bundle`, also replay its golden sample, with each of its graphs, on `provider`."""
    rooms = (machine, providers, media, detectors, marks, training)
    findings = [finding for room in rooms for finding in room.check()]
    if bundle is not None:
        findings += bundle_check.check(bundle, provider)
    return ProgressCallback(tuple(findings))
