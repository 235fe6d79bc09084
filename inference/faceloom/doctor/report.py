"""Run all checks and report the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from faceloom.doctor import bundle_check, detectors, machine, marks, media, providers, training
from faceloom.doctor.check_result import CheckResult, State
from faceloom.doctor.overview import MachineOverview, look_at_machine
from faceloom.errors import ArtifactRefused, ProviderMissing

# The headings of the results by state, in the order of the text.
_HEADINGS: Mapping[State, str] = {
    "failed": "Wrong",
    "missing": "Not here (optional)",
    "ok": "Works",
}
# Width of the text: one screen.
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """The results of all checks."""

    checks: tuple[CheckResult, ...]
    """The results, in the order of the checks."""
    machine: MachineOverview
    """What the machine is, what to install, and how long training takes."""

    @property
    def exit_code(self) -> int:
        """3 if the bundle is refused, 4 if a required part does not work, else 0."""
        failed = [result for result in self.checks if result.state == "failed"]
        if any(result.check.startswith(bundle_check.PREFIX) for result in failed):
            return ArtifactRefused.exit_code
        return ProviderMissing.exit_code if failed else 0

    def to_text(self) -> str:
        """Return one screen: the machine, what is wrong, what is missing and what works."""
        lines = [self.machine.to_text()]
        for state, heading in _HEADINGS.items():
            results = [result for result in self.checks if result.state == state]
            if not results:
                lines += ["", "Wrong: nothing"] if state == "failed" else []
                continue
            lines += ["", heading]
            if state == "ok":
                lines += _columns([f"{each.check} ({each.detail})" for each in results])
                continue
            for each in results:
                lines.append(f"  {each.check}: {each.detail}")
                if each.advice:
                    lines.append(f"    -> {each.advice}")
        return "\n".join(lines)


def _columns(parts: Sequence[str]) -> list[str]:
    """Join parts by commas into lines of one screen."""
    return wrap(
        ", ".join(parts),
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )


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
    return DoctorReport(tuple(results), look_at_machine())
