"""What is wrong with a face set: at once from its table, and thoroughly by a review job."""

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from faceloom.array_types import float32
from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom.faceset.face_count import ENOUGH_DIFFERENT_FACES
from faceloom.faceset.store import ROWS_FILE
from faceloom.review import FaceSetStatistics, ReviewFinding, Severity, sort_by_severity
from faceloom.review import faceset_findings as checks
from faceloom.review.review import HiddenShares
from faceloom.review.statistics import FaceTable, FileShare
from faceloom.studio.faces.face_grid import FaceGrid, SortOrder
from faceloom.studio.faces.face_rows import crop_name
from faceloom.studio.jobs.job import Job, JobRequest, JobState
from faceloom.studio.jobs.job_queue import JobQueue

# The checks that need neither the crops nor a network.
_QUICK_CHECKS: tuple[Callable[[FaceSetStatistics], ReviewFinding | None], ...] = (
    checks.few_faces,
    checks.one_file,
    checks.few_files,
    checks.other_people,
    checks.flat_background,
    checks.near_duplicates,
    checks.blurred,
    checks.small,
    checks.badly_exposed,
    checks.small_yaw_range,
)
REVIEW_ORDERS = tuple(SortOrder(name, (name,)) for name in ("occluded", "fringe", "glasses"))
"""The orders that the grid offers after a review; each is a field of HiddenShares."""
# First words of the command of a finding that the page runs.
_CURATE = ["faceloom", "curate"]


class _ReviewedPerson(BaseModel):
    """What the page needs of a face set in the result of a review."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    faces: int
    """Number of faces that were reviewed."""
    hidden: HiddenShares | None = None
    """What hides the faces; None in results of other versions."""


class _ReviewedFinding(BaseModel):
    """What the page needs of a finding in the result of a review."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    """Kind of the problem."""
    severity: Severity
    """How bad it is."""
    text: str
    """The problem, as a sentence."""
    action: str
    """What to do about it, as a sentence."""
    command: str
    """A shell command that does it; empty if there is none."""
    affected: float
    """Share of the faces that it affects, 0 to 1."""


class _ReviewResult(BaseModel):
    """What `faceloom review --json` prints, as far as the page needs it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    people: tuple[_ReviewedPerson, ...]
    """The face sets."""
    findings: tuple[_ReviewedFinding, ...]
    """The findings, the worst first."""


@dataclass(frozen=True, slots=True)
class FaceSetFindings:
    """The findings that the page shows."""

    findings: tuple[ReviewFinding, ...]
    """The worst first."""
    is_thorough: bool
    """Whether they come from a review of these faces, crops included."""
    is_outdated: bool
    """Whether there is a review of the face set when it had other faces."""
    pending: Job | None
    """The job that waits or runs and reviews or changes the face set; None if there is none."""


def find_problems(grid: FaceGrid, jobs: JobQueue, report: Path) -> FaceSetFindings:
    """Return the findings of the last review if it had as many faces as the table, else quick ones.

    Args:
        grid: The table of the face set.
        jobs: The jobs of the project.
        report: Where the review of this face set writes its report.
    """
    own = [job for job in jobs.jobs() if job.request.artifact in (str(report), str(grid.directory))]
    pending = next((job for job in own if not job.has_ended), None)
    reviewed = _last_review(own, report)
    if reviewed and reviewed.people[0].faces == len(grid):
        found = tuple(ReviewFinding(**dict(finding)) for finding in reviewed.findings)
        return FaceSetFindings(found, True, False, pending)
    quick = tuple(quick_findings(grid)) if len(grid) else ()
    return FaceSetFindings(quick, False, reviewed is not None, pending)


def reviewed_columns(grid: FaceGrid, jobs: JobQueue, report: Path) -> dict[str, list[float]]:
    """Return what hides each face by the last review, as columns of the table.

    A face that the review has not parsed counts as the one before it.

    Args:
        grid: The table of the face set.
        jobs: The jobs of the project.
        report: Where the review of this face set writes its report.

    Returns:
        The columns by their names in REVIEW_ORDERS; empty if no review is newer than the faces.
    """
    own = [job for job in jobs.jobs() if job.request.artifact == str(report)]
    reviewed = _last_review(own, report)
    hidden = reviewed.people[0].hidden if reviewed else None
    rows = grid.directory / ROWS_FILE
    if not hidden or not report.is_file() or report.stat().st_mtime < rows.stat().st_mtime:
        return {}
    places = {crop_name(image): place for place, image in enumerate(hidden.images)}
    parsed, place = [], 0
    for name in grid.names():
        place = places.get(name, place)
        parsed.append(place)
    columns = {order.name: getattr(hidden, order.name) for order in REVIEW_ORDERS}
    return {name: [values[place] for place in parsed] for name, values in columns.items()}


def quick_findings(grid: FaceGrid) -> list[ReviewFinding]:
    """Run the checks that need only the table.

    A finding keeps its command only if enough faces remain without those that it removes, or if
    they show another person.

    Args:
        grid: The table, of at least one face.

    Returns:
        The findings, the worst first.
    """
    person = _statistics(grid)
    found = [finding for check in _QUICK_CHECKS if (finding := check(person))]
    return sort_by_severity([_followable(finding, len(grid)) for finding in found])


def review_request(directory: Path, report: Path) -> JobRequest:
    """Return the job that reviews a face set thoroughly.

    Args:
        directory: The face set.
        report: The HTML report to write.
    """
    return JobRequest(
        title=f"Review the faces of {directory.name}",
        arguments=("review", str(directory), "--report", str(report), "--force"),
        artifact=str(report),
    )


def removal_request(directory: Path, command: str) -> JobRequest:
    """Return the job that runs the command of a finding.

    Args:
        directory: The face set.
        command: The command of a finding that the page shows.

    Raises:
        UsageError: The command does not drop faces of this face set.
    """
    words = shlex.split(command)
    if words[:2] != _CURATE or words[2:3] != [str(directory.resolve())]:
        raise UsageError(f"The studio does not run this command: {command[:200]}")
    return JobRequest(
        title=f"Remove faces of {directory.name}",
        arguments=tuple(words[1:]),
        artifact=str(directory),
    )


def _last_review(jobs: list[Job], report: Path) -> _ReviewResult | None:
    for job in sorted(jobs, key=lambda job: -job.number):
        if job.request.artifact == str(report) and job.state is JobState.DONE:
            try:
                result = _ReviewResult.model_validate(job.result)
            except ValidationError:
                continue
            return result if result.people else None
    return None


def _followable(finding: ReviewFinding, faces: int) -> ReviewFinding:
    remaining = faces - round(finding.affected * faces)
    helps = finding.severity is Severity.CRITICAL or remaining >= ENOUGH_DIFFERENT_FACES
    if not finding.command or helps:
        return finding
    return replace(finding, action=finding.alternative, command="")


def _statistics(grid: FaceGrid) -> FaceSetStatistics:
    """Return the statistics of a table; what only the crops tell is empty."""
    rows = grid.rows
    counts = Counter(rows["file"].tolist())
    unknown = float32([])
    table = FaceTable(
        yaw=rows["pose"][:, 0],
        pitch=rows["pose"][:, 1],
        size=rows["size"],
        sharpness=float32(rows["sharpness"]),
        exposure=rows["exposure"],
        clipped=rows["clipped"],
        eyes_open=rows["openings"][:, 0],
        mouth_open=rows["openings"][:, 1],
        gradient_x=unknown,
        gradient_y=unknown,
        lab=unknown.reshape(-1, 3),
    )
    return FaceSetStatistics(
        name=grid.identity,
        faces=FaceSet(grid.directory, grid.identity, grid.geometry, (), ()),
        table=table,
        files=tuple(FileShare(grid.files[file], count) for file, count in counts.most_common()),
        similarity=grid.similarity,
        center=unknown,
        duplicate=grid.duplicate,
        background_uniform=rows["background_uniform"],
        background_rgb=rows["background_rgb"],
        regions=(),
    )
