"""Conditions on a face, as typed: FIELD OP NUMBER, e.g. sharpness<0.2 or pose.yaw >= 60."""

import difflib
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from faceloom.errors import UsageError
from faceloom.faces.pose import Pose
from faceloom.faces.quality import Quality
from faceloom.faceset.schema import FaceRow

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_FORM = re.compile(r"\s*([A-Za-z_.]+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class MeasuredFace:
    """A row of a face set and its cosine to the set's own center."""

    row: FaceRow
    similarity: float


def _read_part(part: str, name: str) -> Callable[[MeasuredFace], float]:
    return lambda face: float(getattr(getattr(face.row, part), name))


def _numeric_fields() -> dict[str, Callable[[MeasuredFace], float]]:
    fields: dict[str, Callable[[MeasuredFace], float]] = {
        "score": lambda face: face.row.score,
        "size": lambda face: face.row.size,
        "similarity": lambda face: face.similarity,
    }
    for part, model in (("quality", Quality), ("pose", Pose)):
        names = [name for name, field in model.model_fields.items() if field.annotation is float]
        fields |= {f"{part}.{name}": _read_part(part, name) for name in names}
    return fields


# What a condition may ask for; the part before the dot may be left out.
FIELDS = _numeric_fields()


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` is a key of FIELDS, `sign` one of < <= > >= == !=."""

    field: str
    sign: str
    number: float

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read a condition; raise UsageError that says what is wrong with it."""
        form = _FORM.fullmatch(text)
        if not form:
            raise UsageError(
                f"{text!r} is no condition; write FIELD OP NUMBER, for example sharpness<0.2."
            )
        name, sign, number = form.groups()
        return cls(_field_named(name), sign, _number(number, text))

    def holds(self, face: MeasuredFace) -> bool:
        """Tell whether the face fulfils it."""
        return _OPERATORS[self.sign](FIELDS[self.field](face), self.number)

    def __str__(self) -> str:
        return f"{self.field.rpartition('.')[2]}{self.sign}{self.number:g}"


def _field_named(name: str) -> str:
    by_name = {field.rpartition(".")[2]: field for field in FIELDS} | {
        field: field for field in FIELDS
    }
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(name, by_name, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(FIELDS)}."
    raise UsageError(f"A face has no number called {name!r}; {hint}")


def _number(text: str, condition: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(
            f"{text!r} in {condition!r} is no number; write FIELD OP NUMBER, for example sharpness<0.2."
        )
    return number
