"""What a review would say after a face set lost the faces that a finding's command removes."""

import shlex
from collections.abc import Collection
from dataclasses import fields, replace

import numpy as np

from faceloom.faceset import Condition, CurateOptions
from faceloom.faceset.curate import select_dropped
from faceloom.review.faceset_measurement import file_shares, sample_step
from faceloom.review.finding import ReviewFinding
from faceloom.review.statistics import FaceSetStatistics, FaceTable

# Columns of a FaceTable that hold a sample of the faces.
_SAMPLED = ("gradient_x", "gradient_y", "lab")


def after_removal(person: FaceSetStatistics, finding: ReviewFinding) -> FaceSetStatistics | None:
    """Return the statistics of a face set after the command of a finding; changes no file.

    Args:
        person: The face set.
        finding: A finding about it.

    Returns:
        The statistics; None if the finding has no command, or no face would remain.
    """
    if not finding.command:
        return None
    dropped = select_dropped(person.faces, _parse_options(finding.command), person.regions)
    if len(dropped) == len(person.faces):
        return None
    return _without(person, {face.image for face in dropped})


def _parse_options(command: str) -> CurateOptions:
    """Return the options of a `faceloom curate FACESET ...` command."""
    words = shlex.split(command)[3:]
    conditions = [words[i + 1] for i, word in enumerate(words) if word == "--drop"]
    return CurateOptions(
        tuple(map(Condition.parse, conditions)), "--dedupe" in words, "--keep-identity" in words
    )


def _without(person: FaceSetStatistics, images: Collection[str]) -> FaceSetStatistics:
    rows = person.faces.rows
    keep = np.array([row.image not in images for row in rows])
    sampled = keep[:: sample_step(len(rows))]
    sampled = sampled if sampled.any() else np.ones_like(sampled)
    columns = {
        field.name: getattr(person.table, field.name)[sampled if field.name in _SAMPLED else keep]
        for field in fields(FaceTable)
    }
    faces = replace(
        person.faces, rows=tuple(row for row, kept in zip(rows, keep, strict=True) if kept)
    )
    return replace(
        person,
        faces=faces,
        files=file_shares(faces),
        table=FaceTable(**columns),
        similarity=person.similarity[keep],
        duplicate=person.duplicate[keep],
        background_uniform=person.background_uniform[keep],
        background_rgb=person.background_rgb[keep],
        regions=tuple(shares for shares, kept in zip(person.regions, keep, strict=True) if kept),
    )
