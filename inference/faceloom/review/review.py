"""Review face sets, against a target if there is one: measure, check, judge, write the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from faceloom.atomic import check_output_file, write_text
from faceloom.errors import UsageError
from faceloom.faces.face_recognition import SAME_PERSON_SIMILARITY
from faceloom.faces.parsing.occlusion import Occlusion
from faceloom.faceset import FaceSet
from faceloom.output_lock import while_locked
from faceloom.progress import ProgressGenerator
from faceloom.review.commands import default_preset
from faceloom.review.faceset_measurement import measure_faceset, parsing_step
from faceloom.review.finding import ReviewFinding, format_counts, group_by_subject
from faceloom.review.html_report import build_page
from faceloom.review.judgment import judge, list_directions, next_step
from faceloom.review.statistics import (
    FaceSetStatistics,
    FaceTable,
    FaceValues,
    FileShare,
    TargetStatistics,
)
from faceloom.review.target_measurement import measure_target
from faceloom.review.verdict import Verdict


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
class HiddenShares:
    """What hides faces, see `RegionShares`; at most 1,000 faces, evenly spread."""

    images: tuple[str, ...]
    """Paths of the crops in the face set."""
    occluded: tuple[float, ...]
    """Of each face, rounded to 0.001."""
    fringe: tuple[float, ...]
    """Of each face, rounded to 0.001."""
    glasses: tuple[float, ...]
    """Of each face, rounded to 0.001."""

    @classmethod
    def of(cls, person: FaceSetStatistics) -> "HiddenShares":
        """Return what hides the faces that were parsed.

        Args:
            person: The face set.
        """
        step = parsing_step(len(person))
        shares = person.regions[::step]
        return cls(
            tuple(row.image for row in person.faces.rows[::step]),
            occluded=tuple(round(each.occluded, 3) for each in shares),
            fringe=tuple(round(each.fringe, 3) for each in shares),
            glasses=tuple(round(each.glasses, 3) for each in shares),
        )


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
    hidden: HiddenShares
    """What hides the faces."""


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
    occlusion: Occlusion
    """Those in which something stands before a face."""
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
    next_step: str
    """What to do next, as one line."""

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
        return "\n".join([*lines, "", f"The report is {self.report}.", self.next_step])


def review(
    directories: Sequence[Path],
    target: Path | None,
    report: Path,
    *,
    every: int = 5,
    force: bool = False,
    choose_preset: Callable[[], str] = default_preset,
) -> ProgressGenerator[ReviewSummary]:
    """Review face sets and write the HTML report.

    Args:
        directories: The face sets.
        target: A video or picture whose face is to be replaced; None reviews the face sets only.
        report: The file to write.
        every: Measure every `every`-th frame of the target.
        force: Whether to replace an existing report.
        choose_preset: Returns the preset of the command that is advised; called if one is.

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
    return while_locked(report, _review(directories, target, report, every, force, choose_preset))


def _review(
    directories: Sequence[Path],
    target: Path | None,
    report: Path,
    every: int,
    force: bool,
    choose_preset: Callable[[], str],
) -> ProgressGenerator[ReviewSummary]:
    check_output_file(report, force=force, inputs=[target] if target else [])
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
    summary = summarize(report, people, measured, choose_preset)
    directions = list_directions(people, measured)
    page = build_page(
        people,
        measured,
        directions,
        summary.verdicts,
        summary.findings,
        next_step=summary.next_step,
    )
    write_text(report, page)
    return summary


def summarize(
    report: Path,
    people: Sequence[FaceSetStatistics],
    target: TargetStatistics | None,
    choose_preset: Callable[[], str] = default_preset,
) -> ReviewSummary:
    """Run all checks and judge all swap directions; measures and writes nothing.

    Args:
        report: The HTML report.
        people: Statistics of the face sets.
        target: Statistics of the target, if there is one.
        choose_preset: Returns the preset of the command that is advised.
    """
    judged = judge(people, target)
    return ReviewSummary(
        report=report,
        people=tuple(_summarize_faceset(person) for person in people),
        target=_summarize_target(target) if target else None,
        verdicts=judged.verdicts,
        findings=judged.findings,
        next_step=next_step(judged.verdicts, people, choose_preset),
    )


def _summarize_faceset(person: FaceSetStatistics) -> FaceSetSummary:
    return FaceSetSummary(
        name=person.name,
        faces=len(person),
        near_duplicates=int(person.duplicate.sum()),
        other_people=int((person.similarity < SAME_PERSON_SIMILARITY).sum()),
        files=person.files,
        percentiles=FacePercentiles.of(person.table),
        hidden=HiddenShares.of(person),
    )


def _summarize_target(target: TargetStatistics) -> TargetSummary:
    return TargetSummary(
        name=target.name,
        frames=target.frames,
        frames_with_several_faces=target.frames_with_several_faces,
        frames_without_face=target.frames_without_face,
        occlusion=target.occlusion,
        people=tuple(
            TargetPersonSummary(
                person.name, len(person.table), person.matches, FacePercentiles.of(person.table)
            )
            for person in target.people
        ),
    )
