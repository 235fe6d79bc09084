"""What was found out about an artifact."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Columns of a name, before its value.
_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Inspection:
    """`kind`: "bundle", "zipped bundle", "dfm", "graph", "face set", "run".

    `about`: plain values, lists and mappings of them.
    """

    kind: str
    path: Path
    about: Mapping[str, Any]

    def to_text(self) -> str:
        """Return a line a value; what is not said is left out."""
        return "\n".join((f"{self.path}: a {self.kind}", *_lines(self.about, 1)))


def _lines(values: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name, value in values.items():
        start = f"{'  ' * depth}{name.replace('_', ' '):<{_WIDTH}}"
        if isinstance(value, Mapping):
            yield start.rstrip()
            yield from _lines(value, depth + 1)
        elif isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
            for entry in value:
                yield start.rstrip()
                yield from _lines(entry, depth + 1)
        elif value not in (None, [], ()):
            yield start + _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
