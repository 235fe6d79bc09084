"""The settings of a run that may change when it continues, as the trainer declares them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faceloom.errors import UsageError

# How the trainer writes that a setting has no value.
_NULL = "null"
# Longest value, in characters: a record of consent.
MAX_VALUE_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class RunSetting:
    """A setting that may change."""

    key: str
    """Its key, as `train --set` takes it."""
    value: str
    """Its value in the run."""
    words: tuple[str, ...]
    """Words that it accepts; "null" is no value."""
    number: str
    """Which numbers it accepts: "whole", "any", or "" for none."""
    minimum: float | None
    """The smallest number; None: no limit."""
    maximum: float | None
    """The largest number; None: no limit."""
    text: bool
    """Whether it accepts any text."""
    help: str
    """What it is, for people."""
    above: float | None = None
    """What the number must be greater than; None: no such limit."""

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> "RunSetting":
        """Read a setting of `faceloom inspect --json`.

        Args:
            details: Its plain values.
        """
        return cls(**{**details, "words": tuple(details["words"])})

    @property
    def group(self) -> str:
        """The group that it belongs to, such as "loss"; empty if it has none."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Its key without the group."""
        return self.key.rpartition(".")[2]

    def to_argument(self, value: str) -> str:
        """Return the value of --set that gives it another value.

        Args:
            value: The value; an empty one is none.

        Raises:
            UsageError: It does not accept the value.
        """
        value = value.strip()
        if not value and _NULL in self.words:
            return f"{self.key}={_NULL}"
        if self.text:
            # A list or a record is written as JSON; all other text is quoted.
            is_plain = value in self.words or _is_nested(value)
            return f"{self.key}={value if is_plain else json.dumps(value, ensure_ascii=False)}"
        if value not in self.words and not self._is_accepted_number(value):
            raise UsageError(f"{self.key} cannot be {value[:40]!r}; it takes {self._accepted()}.")
        return f"{self.key}={value}"

    def _is_accepted_number(self, value: str) -> bool:
        try:
            number = int(value) if self.number == "whole" else float(value)
        except ValueError:
            return False
        low = self.minimum if self.minimum is not None else float("-inf")
        high = self.maximum if self.maximum is not None else float("inf")
        above = self.above if self.above is not None else float("-inf")
        return (
            bool(self.number)
            and above < number
            and low <= number <= high
            and abs(number) != float("inf")
        )

    def _accepted(self) -> str:
        words = ", ".join(self.words)
        if not self.number:
            return words
        low = "" if self.minimum is None else f" from {self.minimum:g}"
        low += "" if self.above is None else f" above {self.above:g}"
        high = "" if self.maximum is None else f" to {self.maximum:g}"
        number = f"a {'whole ' if self.number == 'whole' else ''}number{low}{high}"
        return f"{number} or {words}" if words else number


def _is_nested(value: str) -> bool:
    """Return whether a value is a list or a record in JSON."""
    try:
        return isinstance(json.loads(value), list | dict)
    except (ValueError, RecursionError):
        return False


def changes_to_arguments(
    settings: Sequence[RunSetting], changes: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the options of `train` that change settings; values that stay are left out.

    Args:
        settings: The settings that may change.
        changes: New values by key.

    Raises:
        UsageError: A setting may not change or does not accept its value.
    """
    known = {setting.key: setting for setting in settings}
    options: list[str] = []
    for key, value in changes.items():
        if key not in known:
            raise UsageError(f"{key[:80]} cannot change during a run; start a new run for that.")
        argument = known[key].to_argument(value)
        if argument != known[key].to_argument(known[key].value):
            options += ["--set", argument]
    return tuple(options)
