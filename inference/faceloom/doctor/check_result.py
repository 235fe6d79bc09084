"""The result of one check."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "failed"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found."""

    check: str
    """What was checked, such as "provider cuda"."""
    state: State
    """"ok": it works. "missing": an optional part is not installed or does not run here.
    "failed": a required part does not work."""
    detail: str
    """What was found."""
    advice: str = ""
    """How to fix it; empty if there is nothing to do."""
