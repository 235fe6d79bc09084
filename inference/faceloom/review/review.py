"""The review: measure, find, judge, write the page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import numpy as np

from faceloom.atomic import check_output_file, write_text
from faceloom.errors import UsageError
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faceset import FaceSet
from faceloom.progress import ProgressGenerator
from faceloom.review.coverage_findings import DIRECTION_CHECKS, TARGET_CHECKS
from faceloom.review.faceset_findings import FACESET_CHECKS, PAIR_CHECKS
from faceloom.review.faceset_measurement import measure_faceset
from faceloom.review.finding import ReviewFinding, format_counts, group_by_subject, sort_by_severity
from faceloom.review.html_report import build_page
from faceloom.review.statistics import (
    FaceSetStatistics,
    FaceTable,
    FaceValues,
    FileShare,
    SwapDirection,
    TargetStatistics,
)
from faceloom.review.target_measurement import measure_target
from faceloom.review.verdict import Verdict, judge_readiness

_Subject = TypeVar("_Subject")


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles 5, 50 and 95."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: FaceValues) -> "Percentiles":
        """Measure a column."""
        return cls(*(float(value) for value in np.percentile(values, [5, 50, 95])))


@dataclass(frozen=True, slots=True)
class FacePercentiles:
    """The spread of every column of a FaceTable."""

    yaw: Percentiles
    pitch: Percentiles
    size: Percentiles
    sharpness: Percentiles
    exposure: Percentiles
    clipped: Percentiles
    eyes_open: Percentiles
    mouth_open: Percentiles
    gradient_x: Percentiles
    gradient_y: Percentiles
    lightness: Percentiles

    @classmethod
    def of(cls, table: FaceTable) -> "FacePercentiles":
        """Measure a table."""
        columns = {
            name: Percentiles.of(getattr(table, name))
            for name in cls.__slots__
            if name != "lightness"
        }
        return cls(**columns, lightness=Percentiles.of(table.lab[:, 0]))


@dataclass(frozen=True, slots=True)
class FaceSetSummary:
    """What the review found out about a face set."""

    name: str
    faces: int
    near_duplicates: int
    strangers: int
    files: tuple[FileShare, ...]
    spreads: FacePercentiles


@dataclass(frozen=True, slots=True)
class TargetPersonSummary:
    """What the review found out about a person of a target; looks_like: the face set of the person, or empty."""

    name: str
    faces: int
    matches: str
    spreads: FacePercentiles


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """What the review found out about a target. crowded, faceless: frames with more than one face, or with none."""

    name: str
    frames: int
    frames_with_several_faces: int
    frames_without_face: int
    people: tuple[TargetPersonSummary, ...]


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """All figures, findings (the gravest first) and verdicts."""

    report: Path
    people: tuple[FaceSetSummary, ...]
    target: TargetSummary | None
    verdicts: tuple[Verdict, ...]
    findings: tuple[ReviewFinding, ...]

    def to_text(self) -> str:
        """Return verdicts and findings in words."""
        lines = [
            f"{v.source}'s face on {v.target}: {v.readiness} (poses known: {100 * v.covered:.0f} %)"
            for v in self.verdicts
        ]
        for about, findings in group_by_subject(self.findings).items():
            lines += ["", f"{about}: {format_counts(findings)}"]
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
    check_output_file(report, force=force)
    sets = [FaceSet.read(directory) for directory in directories]
    names = [faces.identity for faces in sets]
    if len(set(names)) < len(names):
        raise UsageError(
            f"Two face sets are called the same ({', '.join(names)}); extract one with another --name."
        )
    people = []
    for faces in sets:
        people.append((yield from measure_faceset(faces)))
    seen = (yield from measure_target(target, every, people)) if target else None
    summary = summarize(report, people, seen)
    directions = list_directions(people, seen)
    write_text(report, build_page(people, seen, directions, summary.verdicts, summary.findings))
    return summary


def summarize(
    report: Path, people: Sequence[FaceSetStatistics], target: TargetStatistics | None
) -> ReviewSummary:
    """Find and judge; measures and writes nothing."""
    of_person = {person.name: _run(FACESET_CHECKS, person, person.name) for person in people}
    pairs = [(pair, f"{pair[0].name} and {pair[1].name}") for pair in combinations(people, 2)]
    of_two = [finding for pair, names in pairs for finding in _run(PAIR_CHECKS, pair, names)]
    of_target = _run(TARGET_CHECKS, target, target.name) if target else []
    found = [*of_two, *of_target, *(finding for group in of_person.values() for finding in group)]
    verdicts = []
    for direction in list_directions(people, target):
        own = _run(DIRECTION_CHECKS, direction, direction.text)
        found += own
        verdicts.append(
            judge_readiness(
                direction, sort_by_severity([*own, *of_person[direction.source.name], *of_two])
            )
        )
    return ReviewSummary(
        report=report,
        people=tuple(_person_figures(person) for person in people),
        target=_target_figures(target) if target else None,
        verdicts=tuple(verdicts),
        findings=tuple(sort_by_severity(found)),
    )


def list_directions(
    people: Sequence[FaceSetStatistics], target: TargetStatistics | None
) -> list[SwapDirection]:
    """Return who is to wear whose face: each person of the target everyone else's, or each face set every other's.

    Nobody's face is put on their own, unless there is nothing else to judge.
    """
    if target:
        pairs = [(guest, host) for host in target.people for guest in people]
        others = [(guest, host) for guest, host in pairs if guest.name != host.matches]
        unit = "frames" if len(target.people) == 1 else "frames that show them"
        return [
            SwapDirection(guest, host.table, host.name, unit) for guest, host in others or pairs
        ]
    sets = [(guest, host) for guest in people for host in people if guest is not host]
    return [SwapDirection(guest, host.table, host.name, "faces") for guest, host in sets]


def _run(
    table: Sequence[Callable[[_Subject], ReviewFinding | None]], subject: _Subject, name: str
) -> list[ReviewFinding]:
    return [replace(finding, subject=name) for find in table if (finding := find(subject))]


def _person_figures(person: FaceSetStatistics) -> FaceSetSummary:
    return FaceSetSummary(
        name=person.name,
        faces=len(person),
        near_duplicates=int(person.duplicate.sum()),
        strangers=int((person.similarity < SAME_PERSON_SIMILARITY).sum()),
        files=person.files,
        spreads=FacePercentiles.of(person.table),
    )


def _target_figures(target: TargetStatistics) -> TargetSummary:
    return TargetSummary(
        name=target.name,
        frames=target.frames,
        frames_with_several_faces=target.frames_with_several_faces,
        frames_without_face=target.frames_without_face,
        people=tuple(
            TargetPersonSummary(
                person.name, len(person.table), person.matches, FacePercentiles.of(person.table)
            )
            for person in target.people
        ),
    )
