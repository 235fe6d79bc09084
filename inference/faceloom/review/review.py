"""Review face sets, against a target if there is one: measure, check, judge, write the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import numpy as np

from faceloom.atomic import check_output_file, write_text
from faceloom.errors import UsageError
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faceset import FaceSet
from faceloom.output_lock import while_locked
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
    """Percentiles of one property over the faces."""

    p5: float
    """5th percentile."""
    p50: float
    """Median."""
    p95: float
    """95th percentile."""

    @classmethod
    def of(cls, values: FaceValues) -> "Percentiles":
        """Compute the percentiles.

        Args:
            values: One value per face.
        """
        return cls(*(float(value) for value in np.percentile(values, [5, 50, 95])))


@dataclass(frozen=True, slots=True)
class FacePercentiles:
    """Percentiles of every column of a FaceTable."""

    yaw: Percentiles
    """Degrees."""
    pitch: Percentiles
    """Degrees."""
    size: Percentiles
    """Pixels of the footage."""
    sharpness: Percentiles
    """See Quality."""
    exposure: Percentiles
    """See Quality."""
    clipped: Percentiles
    """See Quality."""
    eyes_open: Percentiles
    """See Quality."""
    mouth_open: Percentiles
    """See Quality."""
    gradient_x: Percentiles
    """See Lighting."""
    gradient_y: Percentiles
    """See Lighting."""
    lightness: Percentiles
    """L* of the mean color, 0 to 100."""

    @classmethod
    def of(cls, table: FaceTable) -> "FacePercentiles":
        """Compute the percentiles.

        Args:
            table: The faces.
        """
        columns = {
            field.name: Percentiles.of(getattr(table, field.name))
            for field in fields(cls)
            if field.name != "lightness"
        }
        return cls(**columns, lightness=Percentiles.of(table.lab[:, 0]))


@dataclass(frozen=True, slots=True)
class FaceSetSummary:
    """The review's numbers about a face set."""

    name: str
    """Name of the identity."""
    faces: int
    """Number of faces."""
    near_duplicates: int
    """Number of faces that look like another one of the set."""
    other_people: int
    """Number of faces that look like another person."""
    files: tuple[FileShare, ...]
    """The files that the faces come from, the largest share first."""
    percentiles: FacePercentiles
    """Of the faces' properties."""


@dataclass(frozen=True, slots=True)
class TargetPersonSummary:
    """The review's numbers about a person in the target."""

    name: str
    """Name of the person or of the target."""
    faces: int
    """Number of faces."""
    matches: str
    """Name of the face set of the same person; empty if there is none."""
    percentiles: FacePercentiles
    """Of the faces' properties."""


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """The review's numbers about a target."""

    name: str
    """File name."""
    frames: int
    """Number of measured frames."""
    frames_with_several_faces: int
    """Number of them with more than one face."""
    frames_without_face: int
    """Number of them with no face."""
    people: tuple[TargetPersonSummary, ...]
    """Whoever is in most frames first."""


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """The result of a review."""

    report: Path
    """The HTML report."""
    people: tuple[FaceSetSummary, ...]
    """The face sets."""
    target: TargetSummary | None
    """The target, if there is one."""
    verdicts: tuple[Verdict, ...]
    """One per swap direction."""
    findings: tuple[ReviewFinding, ...]
    """The worst first."""

    def to_text(self) -> str:
        """Return verdicts and findings as text."""
        lines = [
            f"{v.source}'s face on {v.target}: {v.readiness} "
            f"(head poses covered: {100 * v.covered:.0f} %)"
            for v in self.verdicts
        ]
        for subject, findings in group_by_subject(self.findings).items():
            lines += ["", f"{subject}: {format_counts(findings)}"]
            for finding in findings:
                lines.append(f"  {finding.severity:<8} {finding.text}")
                advice = (finding.action, finding.command)
                lines += [f"  {'':<8} {text}" for text in advice if text]
        return "\n".join([*lines, "", f"The report is {self.report}."])


def review(
    directories: Sequence[Path],
    target: Path | None,
    report: Path,
    *,
    every: int = 5,
    force: bool = False,
) -> ProgressGenerator[ReviewSummary]:
    """Review face sets and write the HTML report.

    Args:
        directories: The face sets.
        target: A video or picture whose face is to be replaced; None reviews the face sets only.
        report: The file to write.
        every: Measure every `every`-th frame of the target.
        force: Whether to replace an existing report.

    Yields:
        Progress.

    Returns:
        The summary.

    Raises:
        ArtifactRefused: A directory is not a face set.
        UsageError: Two face sets have the same name, the report exists, or there is no target.
        MediaUnreadable: The target cannot be read.
        NoFaceFound: The target shows no face.
    """
    return while_locked(report, _review(directories, target, report, every=every, force=force))


def _review(
    directories: Sequence[Path], target: Path | None, report: Path, *, every: int, force: bool
) -> ProgressGenerator[ReviewSummary]:
    check_output_file(report, force=force)
    facesets = [FaceSet.read(directory) for directory in directories]
    names = [faces.identity for faces in facesets]
    if len(set(names)) < len(names):
        raise UsageError(
            f"Two face sets have the same name ({', '.join(names)}); "
            "extract one of them with another --name."
        )
    people = []
    for faces in facesets:
        people.append((yield from measure_faceset(faces)))
    measured = (yield from measure_target(target, every, people)) if target else None
    summary = summarize(report, people, measured)
    directions = list_directions(people, measured)
    page = build_page(people, measured, directions, summary.verdicts, summary.findings)
    write_text(report, page)
    return summary


def summarize(
    report: Path, people: Sequence[FaceSetStatistics], target: TargetStatistics | None
) -> ReviewSummary:
    """Run all checks and judge all swap directions; measures and writes nothing.

    Args:
        report: The HTML report.
        people: Statistics of the face sets.
        target: Statistics of the target, if there is one.
    """
    by_person = {person.name: _check(FACESET_CHECKS, person, person.name) for person in people}
    pairs = [
        finding
        for first, second in combinations(people, 2)
        for finding in _check(PAIR_CHECKS, (first, second), f"{first.name} and {second.name}")
    ]
    findings = [*pairs, *(_check(TARGET_CHECKS, target, target.name) if target else [])]
    findings += [finding for group in by_person.values() for finding in group]
    verdicts = []
    for direction in list_directions(people, target):
        own = _check(DIRECTION_CHECKS, direction, direction.text)
        findings += own
        concerning = sort_by_severity([*own, *by_person[direction.source.name], *pairs])
        verdicts.append(judge_readiness(direction, concerning))
    return ReviewSummary(
        report=report,
        people=tuple(_summarize_faceset(person) for person in people),
        target=_summarize_target(target) if target else None,
        verdicts=tuple(verdicts),
        findings=tuple(sort_by_severity(findings)),
    )


def list_directions(
    people: Sequence[FaceSetStatistics], target: TargetStatistics | None
) -> list[SwapDirection]:
    """List the swaps to judge.

    A person's face on the same person is left out, unless there is nothing else to judge.

    Args:
        people: The face sets.
        target: The target, if there is one.

    Returns:
        Every face set on every person of the target; without a target, every face set on every
        other one.
    """
    if target:
        pairs = [(source, person) for person in target.people for source in people]
        others = [(source, person) for source, person in pairs if source.name != person.matches]
        unit = "frames" if len(target.people) == 1 else "frames that show them"
        return [
            SwapDirection(source, person.table, person.name, unit)
            for source, person in others or pairs
        ]
    sets = [(source, other) for source in people for other in people if source is not other]
    return [SwapDirection(source, other.table, other.name, "faces") for source, other in sets]


def _check(
    checks: Sequence[Callable[[_Subject], ReviewFinding | None]], subject: _Subject, name: str
) -> list[ReviewFinding]:
    return [replace(finding, subject=name) for check in checks if (finding := check(subject))]


def _summarize_faceset(person: FaceSetStatistics) -> FaceSetSummary:
    return FaceSetSummary(
        name=person.name,
        faces=len(person),
        near_duplicates=int(person.duplicate.sum()),
        other_people=int((person.similarity < SAME_PERSON_SIMILARITY).sum()),
        files=person.files,
        percentiles=FacePercentiles.of(person.table),
    )


def _summarize_target(target: TargetStatistics) -> TargetSummary:
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
