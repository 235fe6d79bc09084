"""Conditions on a face, written FIELD OP NUMBER: sharpness<0.2 or pose.yaw >= 60."""

import difflib
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields

from faceloom.errors import UsageError
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.faceset.parsing.region_shares import RegionShares
from faceloom.faceset.schema import FaceRow

# Comparison operators of a condition.
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
# The numbers that need the face's regions.
REGION_FIELDS = tuple(share.name for share in fields(RegionShares))
# FIELD OP NUMBER.
_CONDITION = re.compile(r"\s*([A-Za-z_.]+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class MeasuredFace:
    """A face with its similarity to its face set."""

    row: FaceRow
    """The face."""
    similarity: float
    """Cosine of its embedding to the face set's center."""
    regions: RegionShares = field(default_factory=RegionShares)
    """What hides it; measured only if a condition asks for it."""


def _read_part(part: str, name: str) -> Callable[[MeasuredFace], float]:
    return lambda face: float(getattr(getattr(face.row, part), name))


def _read_share(name: str) -> Callable[[MeasuredFace], float]:
    return lambda face: float(getattr(face.regions, name))


def _numeric_fields() -> dict[str, Callable[[MeasuredFace], float]]:
    numbers: dict[str, Callable[[MeasuredFace], float]] = {
        "score": lambda face: face.row.score,
        "size": lambda face: face.row.size,
        "similarity": lambda face: face.similarity,
    }
    numbers |= {name: _read_share(name) for name in REGION_FIELDS}
    for part, model in (("quality", Quality), ("pose", Pose)):
        names = [name for name, info in model.model_fields.items() if info.annotation is float]
        numbers |= {f"{part}.{name}": _read_part(part, name) for name in names}
    return numbers


# The numbers of a face by name; the part before the dot is optional in a condition.
FIELDS = _numeric_fields()


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one of a face's numbers."""

    field: str
    """A key of FIELDS."""
    operator: str
    """One of < <= > >= == !=."""
    number: float
    """The number to compare with."""

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Parse a condition.

        Args:
            text: FIELD OP NUMBER.

        Raises:
            UsageError: The text is not a condition.
        """
        match = _CONDITION.fullmatch(text)
        if not match:
            raise UsageError(
                f"{text!r} is not a condition; write FIELD OP NUMBER, for example sharpness<0.2."
            )
        name, symbol, number = match.groups()
        return cls(_find_field(name), symbol, _parse_number(number, text))

    def holds(self, face: MeasuredFace) -> bool:
        """Return whether a face satisfies the condition.

        Args:
            face: The face.
        """
        return _OPERATORS[self.operator](FIELDS[self.field](face), self.number)

    def __str__(self) -> str:
        return f"{self.field.rpartition('.')[2]}{self.operator}{self.number:g}"


def _find_field(name: str) -> str:
    by_name = {field.rpartition(".")[2]: field for field in FIELDS} | {
        field: field for field in FIELDS
    }
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(name, by_name, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(FIELDS)}."
    raise UsageError(f"A face has no number named {name!r}; {hint}")


def _parse_number(text: str, condition: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(
            f"{text!r} in {condition!r} is not a number; write FIELD OP NUMBER, for example "
            "sharpness<0.2."
        )
    return number
