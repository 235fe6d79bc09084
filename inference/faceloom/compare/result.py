"""What a comparison found, as a table, and in plain words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faceloom.compare.metrics import MEASURES, Figure, Measure
from faceloom.compare.score import Part, Score

# A swap's identity is within reach of a paste job's when it has this much of it.
_WITHIN_REACH = 0.8
# Parts of the performance; see `faceloom.compare.score`.
_EXPRESSION = "expression"
# Characters of a column.
_WIDE = 17


@dataclass(frozen=True, slots=True)
class Version:
    """The figures of one version of the clip: untouched, paste, swap or truth."""

    name: str
    figures: tuple[Figure, ...]
    score: Score | None

    def figure(self, name: str) -> Figure | None:
        """Return a figure by its name."""
        return next((figure for figure in self.figures if figure.name == name), None)

    def part(self, name: str) -> float | None:
        """Return a part of the score by its name."""
        return (
            next((part.value for part in self.score.parts if part.name == name), None)
            if self.score
            else None
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """frames: those looked at; seen: those where the target's face was found. versions: the untouched target first."""

    frames: int
    seen: int
    versions: tuple[Version, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Comparison":
        """Read what `faceloom compare --json` printed."""
        versions = [
            Version(v["name"], tuple(_figure(f) for f in v["figures"]), _score(v["score"]))
            for v in data["versions"]
        ]
        return cls(data["frames"], data["seen"], tuple(versions))

    def version(self, name: str) -> Version | None:
        """Return a version by its name."""
        return next((version for version in self.versions if version.name == name), None)

    def measures(self, against: str) -> list[Measure]:
        """Return what was measured against the `target` or the exact `truth`."""
        return [
            m
            for m in MEASURES
            if m.against == against and any(v.figure(m.name) for v in self.versions)
        ]

    def to_text(self) -> str:
        """Return scores, parts and figures as a table, then the verdict."""
        return "\n".join([*self._lines(), "", *verdict(self)])

    def _lines(self) -> Iterator[str]:
        yield (
            f"{'':<30}"
            + "".join(f"{version.name:>{_WIDE}}" for version in self.versions)
            + "   best"
        )
        if any(version.score for version in self.versions):
            against = "the exact truth" if self.version("truth") else "the target"
            scores = [None if v.score is None else f"{v.score.value:.1f}" for v in self.versions]
            yield _line(f"SCORE (against {against})", scores, "100")
            for name in _part_names(self.versions):
                values = [
                    None if (part := v.part(name)) is None else f"{part:.2f}" for v in self.versions
                ]
                yield _line(f"  {name}", values, "1")
        for against in ("target", "truth"):
            measures = self.measures(against)
            if measures:
                yield f"Against the {'exact truth' if against == 'truth' else 'target'}"
            for measure in measures:
                yield _line(
                    f"  {measure.title}",
                    [cell(v.figure(measure.name)) for v in self.versions],
                    _best(measure),
                )


def verdict(comparison: Comparison) -> Iterator[str]:
    """Say in plain words how the swap does against the paste job."""
    swap, paste = comparison.version("swap"), comparison.version("paste")
    if swap is not None and swap.figure("place") is None:
        yield "No score: no frame of the swap shows a face where the target's is."
        return
    if swap is None or swap.score is None:
        yield "No score: name the wanted person with --identity FACESET, or give the exact result with --truth."
        return
    if paste is None or paste.score is None:
        return
    kept = [version.part(_EXPRESSION) or 0.0 for version in (swap, paste)]
    likeness = [version.part("identity") or 0.0 for version in (swap, paste)]
    faults = []
    if kept[0] <= kept[1]:
        faults.append(f"keeps no more of the performance ({kept[0]:.2f} against {kept[1]:.2f})")
    if likeness[0] < _WITHIN_REACH * likeness[1]:
        faults.append(
            f"is much less like the wanted person ({likeness[0]:.2f} against {likeness[1]:.2f})"
        )
    if faults:
        yield f"The swap does not beat a paste job: it {' and '.join(faults)}."
    else:
        yield (
            f"The swap beats a paste job: it keeps more of the performance ({kept[0]:.2f} against {kept[1]:.2f}), "
            f"and its likeness ({likeness[0]:.2f}) is within reach of the paste's ({likeness[1]:.2f})."
        )


def _part_names(versions: tuple[Version, ...]) -> list[str]:
    """The names of all parts that any version has, in their order."""
    return list(dict.fromkeys(part.name for v in versions if v.score for part in v.score.parts))


def cell(figure: Figure | None) -> str | None:
    """Return a figure with its standard error, as short as it can be said."""
    if figure is None:
        return None
    error = "" if figure.error is None or figure.error < 5e-4 else f"±{figure.error:.2g}"
    return f"{figure.value:.3g}{error}" if abs(figure.value) >= 1e-3 else "0"


def _best(measure: Measure) -> str:
    return f"{measure.best:g}  ({measure.unit})"


def _line(title: str, cells: list[str | None], best: str) -> str:
    return f"{title:<30}" + "".join(f"{cell or '-':>{_WIDE}}" for cell in cells) + f"   {best}"


def _figure(data: Mapping[str, Any]) -> Figure:
    return Figure(data["name"], data["value"], data["error"], tuple(data["worst"]))


def _score(data: Mapping[str, Any] | None) -> Score | None:
    return Score(data["value"], tuple(Part(**part) for part in data["parts"])) if data else None
