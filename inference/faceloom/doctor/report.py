"""Run all checks and report the results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faceloom.doctor import bundle_check, detectors, machine, marks, media, providers, training
from faceloom.doctor.check_result import CheckResult, State
from faceloom.errors import ArtifactRefused, ProviderMissing

# The first character of a result's line.
_SIGNS: Mapping[State, str] = {"ok": "+", "missing": "-", "failed": "!"}


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """The results of all checks."""

    checks: tuple[CheckResult, ...]
    """The results, in the order of the checks."""

    @property
    def exit_code(self) -> int:
        """3 if the bundle is refused, 4 if a required part does not work, else 0."""
        failed = [result for result in self.checks if result.state == "failed"]
        if any(result.check.startswith(bundle_check.PREFIX) for result in failed):
            return ArtifactRefused.exit_code
        return ProviderMissing.exit_code if failed else 0

    def to_text(self) -> str:
        """Return one line for each result, with the advice below it."""
        lines = []
        for result in self.checks:
            lines.append(f"{_SIGNS[result.state]} {result.check:<22} {result.detail}")
            if result.advice:
                lines.append(f"{'':<25} -> {result.advice}")
        return "\n".join(lines)


def run_checks(bundle: Path | None = None, provider: str = "auto") -> DoctorReport:
    """Run every check.

    Args:
        bundle: A bundle whose golden sample is replayed with each of its graphs.
        provider: The onnxruntime provider for the bundle.
    """
    subjects = (machine, providers, media, detectors, marks, training)
    results = [result for subject in subjects for result in subject.check()]
    if bundle is not None:
        results += bundle_check.check(bundle, provider)
    return DoctorReport(tuple(results))
