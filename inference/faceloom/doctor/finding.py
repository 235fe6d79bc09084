"""One thing that was tried."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """ok: it works. missing: not here, and not needed by all. failed: it should work and does not."""

    what: str
    state: Literal["ok", "missing", "failed"]
    detail: str
    advice: str = ""
