"""The HTML report of a review."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from faceloom.faces.expression import SHUT
from faceloom.reports import (
    ValueAxis,
    color_strip,
    data_url,
    direction_map,
    histogram,
    pose_map,
    render_page,
)
from faceloom.review.coverage import ENOUGH_FACES, NEAR_DEGREES, uncovered_poses
from faceloom.review.face_thumbnails import (
    ContactSheet,
    faceset_contact_sheets,
    target_contact_sheet,
)
from faceloom.review.finding import ReviewFinding, format_counts, group_by_subject
from faceloom.review.statistics import (
    BLURRED,
    FaceSetStatistics,
    FaceTable,
    FaceValues,
    FileShare,
    SwapDirection,
    TargetStatistics,
)
from faceloom.review.verdict import Verdict

# CSS colors of the face sets.
_COLORS = ("#2f6fbb", "#c2571a", "#3a8f4d", "#8a4fae", "#b8860b", "#3a8a94")
# CSS colors of the people in the target.
_TARGET_COLORS = ("#444", "#777", "#a0a0a0")
# Files that are listed per face set; the others are summed up.
_MAX_FILES = 10
# Pixels that the size axis covers at least.
_LEAST_SIZE_AXIS = 100
# Pixels to which the size axis is rounded up.
_SIZE_AXIS_STEP = 50
_NO_POSES = np.zeros((0, 2), np.float32)


@dataclass(frozen=True, slots=True)
class _Person:
    """A face set, or a person of the target, as one column of the report."""

    name: str
    """Heading."""
    table: FaceTable
    """Their faces."""
    color: str
    """CSS color."""
    sheets: Sequence[ContactSheet]
    """Pictures of their faces."""
    pose_map: Markup
    """Chart of their head poses."""
    files: Sequence[tuple[str, float]] = ()
    """Files of a face set, with the share of the faces."""

    @property
    def lighting_map(self) -> Markup:
        """Chart of the directions that they are lit from."""
        return direction_map(self.table.gradient_x, self.table.gradient_y, self.color)

    @property
    def color_strip(self) -> Markup:
        """Chart of the faces' mean colors."""
        return color_strip(self.table.lab)


def build_page(
    people: Sequence[FaceSetStatistics],
    target: TargetStatistics | None,
    directions: Sequence[SwapDirection],
    verdicts: Sequence[Verdict],
    findings: Sequence[ReviewFinding],
    *,
    next_step: str,
) -> str:
    """Build the report.

    Args:
        people: The face sets.
        target: The target, if there is one.
        directions: The judged swaps.
        verdicts: Their verdicts, in the same order.
        findings: All findings, sorted.
        next_step: What to do next, as one line.

    Returns:
        The HTML document.
    """
    columns = [*_faceset_columns(people, directions), *_target_columns(target)]
    return render_page(
        "faceloom.review",
        "report.html.j2",
        subject=_describe(people, target),
        verdicts=verdicts,
        next_step=next_step,
        findings=[
            (subject, format_counts(group), group)
            for subject, group in group_by_subject(findings).items()
        ],
        people=columns,
        has_directions=bool(directions),
        enough_faces=ENOUGH_FACES,
        near_degrees=NEAR_DEGREES,
        histograms=_histograms(columns),
        data_url=data_url,
    )


def _describe(people: Sequence[FaceSetStatistics], target: TargetStatistics | None) -> str:
    sets = ", ".join(f"{person.name}: {len(person)} faces" for person in people)
    if not target:
        return sets
    faces, count = sum(len(person.table) for person in target.people), len(target.people)
    of = f" of {count} people" if count > 1 else ""
    frames = f"{target.frames} frames (one frame in {target.every})"
    return f"{sets}; target {target.name}: {faces} faces{of} in {frames}"


def _faceset_columns(
    people: Sequence[FaceSetStatistics], directions: Sequence[SwapDirection]
) -> list[_Person]:
    columns = []
    for index, person in enumerate(people):
        color = _COLORS[index % len(_COLORS)]
        own = [direction for direction in directions if direction.source.name == person.name]
        needed = np.concatenate([_NO_POSES, *(direction.target.poses() for direction in own)])
        missing = np.concatenate([_NO_POSES, *(uncovered_poses(direction) for direction in own)])
        chart = pose_map(person.table.poses(), color, needed, missing)
        sheets = faceset_contact_sheets(person)
        files = _file_shares(person.files, len(person))
        columns.append(_Person(person.name, person.table, color, sheets, chart, files))
    return columns


def _target_columns(target: TargetStatistics | None) -> list[_Person]:
    columns = []
    for index, person in enumerate(target.people if target else ()):
        color = _TARGET_COLORS[index % len(_TARGET_COLORS)]
        chart = pose_map(person.table.poses(), color, _NO_POSES, _NO_POSES)
        sheets = [target_contact_sheet(person)]
        columns.append(_Person(person.name, person.table, color, sheets, chart))
    return columns


def _file_shares(files: Sequence[FileShare], faces: int) -> list[tuple[str, float]]:
    shares = [(file.name, file.faces / faces) for file in files[:_MAX_FILES]]
    others = files[_MAX_FILES:]
    if others:
        count = sum(file.faces for file in others)
        shares.append((f"{len(others)} more files", count / faces))
    return shares


def _histograms(people: Sequence[_Person]) -> list[tuple[str, list[tuple[_Person, Markup]]]]:
    """Return a row of charts per property: its title, then each person with their chart."""
    largest = max(float(np.percentile(person.table.size, 98)) for person in people)
    largest = max(_LEAST_SIZE_AXIS, _SIZE_AXIS_STEP * float(np.ceil(largest / _SIZE_AXIS_STEP)))
    mouth = ValueAxis(0, 1, "", "closed", "wide open")
    eyes = ValueAxis(0, 1.3, "", "closed", "wide open", SHUT)
    sharpness = ValueAxis(0, 1.2, "", "blurred", "sharp", BLURRED)
    rows: list[tuple[str, Callable[[FaceTable], FaceValues], ValueAxis]] = [
        ("Mouth opening in eye widths", lambda table: table.mouth_open, mouth),
        (
            "Eye opening relative to the person's normal one; shaded: closed",
            FaceTable.relative_eye_opening,
            eyes,
        ),
        ("Sharpness; shaded: blurred", lambda table: table.sharpness, sharpness),
        ("Size of the face", lambda table: table.size, ValueAxis(0, largest, " px")),
    ]
    return [
        (title, [(p, histogram(values(p.table), axis, p.color)) for p in people])
        for title, values, axis in rows
    ]
