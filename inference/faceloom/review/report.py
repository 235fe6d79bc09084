"""The review: measure, find, judge, write the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import numpy as np

from faceloom.atomic import refuse_file, write_text
from faceloom.errors import UsageError
from faceloom.faces.face_recognition import SAME_PERSON
from faceloom.faceset import FaceSet
from faceloom.progress import ProgressGenerator
from faceloom.review.coverage_findings import OF_DIRECTION, OF_TARGET
from faceloom.review.faceset_findings import OF_PERSON, OF_TWO
from faceloom.review.finding import Finding, by_subject, gravest_first, tally
from faceloom.review.measure import measure_person
from faceloom.review.page import build_page
from faceloom.review.statistics import Column, Direction, FaceTable, Person, SourceShare, Target
from faceloom.review.target import measure_target
from faceloom.review.verdict import Verdict, judge

_Subject = TypeVar("_Subject")


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles 5, 50 and 95."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Column) -> "Spread":
        """Measure a column."""
        return cls(*(float(value) for value in np.percentile(values, [5, 50, 95])))


@dataclass(frozen=True, slots=True)
class Spreads:
    """The spread of every column of a FaceTable."""

    yaw: Spread
    pitch: Spread
    size: Spread
    sharpness: Spread
    exposure: Spread
    clipped: Spread
    eyes_open: Spread
    mouth_open: Spread
    across: Spread
    down: Spread
    lightness: Spread

    @classmethod
    def of(cls, table: FaceTable) -> "Spreads":
        """Measure a table."""
        columns = {
            name: Spread.of(getattr(table, name)) for name in cls.__slots__ if name != "lightness"
        }
        return cls(**columns, lightness=Spread.of(table.lab[:, 0]))


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """What the review found out about a face set."""

    name: str
    faces: int
    near_duplicates: int
    strangers: int
    sources: tuple[SourceShare, ...]
    spreads: Spreads


@dataclass(frozen=True, slots=True)
class TargetPersonFigures:
    """What the review found out about a person of a target; looks_like: the face set of the person, or empty."""

    name: str
    faces: int
    looks_like: str
    spreads: Spreads


@dataclass(frozen=True, slots=True)
class TargetFigures:
    """What the review found out about a target. crowded, faceless: frames with more than one face, or with none."""

    name: str
    frames: int
    crowded: int
    faceless: int
    people: tuple[TargetPersonFigures, ...]


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """All figures, findings (the gravest first) and verdicts."""

    report: Path
    people: tuple[PersonFigures, ...]
    target: TargetFigures | None
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]

    def to_text(self) -> str:
        """Return verdicts and findings in words."""
        lines = [
            f"{v.guest}'s face on {v.host}: {v.readiness} (poses known: {100 * v.covered:.0f} %)"
            for v in self.verdicts
        ]
        for about, findings in by_subject(self.findings).items():
            lines += ["", f"{about}: {tally(findings)}"]
            for finding in findings:
                lines.append(f"  {finding.severity.value:<8} {finding.text}")
                lines += [f"  {'':<8} {said}" for said in (finding.action, finding.command) if said]
        return "\n".join([*lines, "", f"{self.report}: the whole review."])


def review(
    directories: Sequence[Path],
    target: Path | None,
    report: Path,
    *,
    every: int = 5,
    force: bool = False,
) -> ProgressGenerator[ReviewSummary]:
    """Review face sets, against a target video if there is one, and write the page `report`.

    Raises ArtifactRefused for what is no face set, UsageError if two sets have one name or the report
    exists, and for the target what reading it raises or NoFaceFound.
    """
    refuse_file(report, force=force)
    sets = [FaceSet.read(directory) for directory in directories]
    names = [faces.identity for faces in sets]
    if len(set(names)) < len(names):
        raise UsageError(
            f"Two face sets are called the same ({', '.join(names)}); extract one with another --name."
        )
    people = []
    for faces in sets:
        people.append((yield from measure_person(faces)))
    seen = (yield from measure_target(target, every, people)) if target else None
    summary = summarze(report, people, seen)
    directions = list_directions(people, seen)
    write_text(report, build_page(people, seen, directions, summary.verdicts, summary.findings))
    return summary


def summarze(report: Path, people: Sequence[Person], target: Target | None) -> ReviewSummary:
    """Find and judge; measures and writes nothing."""
    of_person = {person.name: _run(OF_PERSON, person, person.name) for person in people}
    pairs = [(pair, f"{pair[0].name} and {pair[1].name}") for pair in combinations(people, 2)]
    of_two = [finding for pair, names in pairs for finding in _run(OF_TWO, pair, names)]
    of_target = _run(OF_TARGET, target, target.name) if target else []
    found = [*of_two, *of_target, *(finding for group in of_person.values() for finding in group)]
    verdicts = []
    for direction in list_directions(people, target):
        own = _run(OF_DIRECTION, direction, direction.text)
        found += own
        verdicts.append(
            judge(direction, gravest_first([*own, *of_person[direction.guest.name], *of_two]))
        )
    return ReviewSummary(
        report=report,
        people=tuple(_person_figures(person) for person in people),
        target=_target_figures(target) if target else None,
        verdicts=tuple(verdicts),
        findings=tuple(gravest_first(found)),
    )


def list_directions(people: Sequence[Person], target: Target | None) -> list[Direction]:
    """Return who is to wear whose face: each person of the target everyone else's, or each face set every other's.

    Nobody's face is put on their own, unless there is nothing else to judge.
    """
    if target:
        pairs = [(guest, host) for host in target.people for guest in people]
        others = [(guest, host) for guest, host in pairs if guest.name != host.looks_like]
        unit = "frames" if len(target.people) == 1 else "frames that show them"
        return [Direction(guest, host.table, host.name, unit) for guest, host in others or pairs]
    sets = [(guest, host) for guest in people for host in people if guest is not host]
    return [Direction(guest, host.table, host.name, "faces") for guest, host in sets]


def _run(
    table: Sequence[Callable[[_Subject], Finding | None]], subject: _Subject, name: str
) -> list[Finding]:
    return [replace(finding, about=name) for find in table if (finding := find(subject))]


def _person_figures(person: Person) -> PersonFigures:
    return PersonFigures(
        name=person.name,
        faces=len(person),
        near_duplicates=int(person.duplicate.sum()),
        strangers=int((person.similarity < SAME_PERSON).sum()),
        sources=person.sources,
        spreads=Spreads.of(person.table),
    )


def _target_figures(target: Target) -> TargetFigures:
    return TargetFigures(
        name=target.name,
        frames=target.frames,
        crowded=target.crowded,
        faceless=target.faceless,
        people=tuple(
            TargetPersonFigures(
                person.name, len(person.table), person.looks_like, Spreads.of(person.table)
            )
            for person in target.people
        ),
    )
