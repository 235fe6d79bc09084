"""The description of an artifact, and its form as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Width of a key's column, in characters.
_KEY_WIDTH = 20
# Details that are only in the JSON: each has a dozen values.
_ONLY_JSON = ("changeable_settings",)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an artifact is and contains."""

    kind: str
    """One of "bundle", "zipped bundle", "dfm", "graph", "face set", "run" or "project"."""
    path: Path
    """The artifact."""
    details: Mapping[str, Any]
    """Plain values, lists and mappings by key."""

    def to_text(self) -> str:
        """Return one line for each value; empty values and lists for programs are left out."""
        shown = {key: value for key, value in self.details.items() if key not in _ONLY_JSON}
        return "\n".join((f"{self.path}: a {self.kind}", *_lines(shown, 1)))


def _lines(values: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in values.items():
        start = f"{'  ' * depth}{key.replace('_', ' '):<{_KEY_WIDTH}}"
        if isinstance(value, Mapping):
            yield start.rstrip()
            yield from _lines(value, depth + 1)
        elif isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
            for entry in value:
                yield start.rstrip()
                yield from _lines(entry, depth + 1)
        elif value not in (None, [], ()):
            yield start + _format(value)


def _format(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
