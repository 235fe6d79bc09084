"""Statistics of face sets and targets for the tests of the review."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import numpy as np
from tests.helpers.facesets import FaceSpec, write_faceset

from faceloom.faceset import FaceSet
from faceloom.faceset.parsing.region_shares import RegionShares
from faceloom.faceset.schema import FaceRow
from faceloom.progress import ProgressGenerator, run_to_completion
from faceloom.review import (
    FaceSetStatistics,
    ReviewFinding,
    faceset_measurement,
    measure_faceset,
)
from faceloom.review.openings import Opening
from faceloom.review.statistics import TargetPersonStatistics, TargetStatistics

Subject = TypeVar("Subject")


@contextmanager
def without_networks(shares: Sequence[RegionShares] | None = None) -> Iterator[None]:
    """Let `measure_faceset` take the openings from the face set, and what hides faces as given.

    The crops are painted, so that the networks find nothing in them.

    Args:
        shares: What hides each face; None: nothing.
    """

    def regions(_: FaceSet, rows: Sequence[FaceRow]) -> ProgressGenerator[list[RegionShares]]:
        yield from ()
        return [RegionShares()] * len(rows) if shares is None else list(shares)

    def openings(_: FaceSet, rows: Sequence[FaceRow]) -> ProgressGenerator[list[Opening]]:
        yield from ()
        return [Opening(row.quality.eyes_open, row.quality.mouth_open) for row in rows]

    with (
        patch.object(faceset_measurement, "measure_regions", regions),
        patch.object(faceset_measurement, "measure_openings", openings),
    ):
        yield


def measure_faces(directory: Path, faces: list[FaceSpec], name: str = "ada") -> FaceSetStatistics:
    """Write a face set and measure it; its openings and what hides its faces are as specified."""
    shares = [RegionShares(face.occluded, face.fringe, face.glasses) for face in faces]
    return measure_painted(write_faceset(directory / name, faces, name), shares)


def measure_painted(
    faces: FaceSet, shares: Sequence[RegionShares] | None = None
) -> FaceSetStatistics:
    """Measure a face set of painted crops; see `without_networks`."""
    with without_networks(shares):
        return run_to_completion(measure_faceset(faces))


def target_of(*people: FaceSetStatistics, **values: object) -> TargetStatistics:
    """Return a target with people whose face sets are known, all of them in every frame."""
    alone = len(people) == 1
    shown = tuple(
        TargetPersonStatistics(
            person.name,
            "clip.mp4" if alone else f"{person.name} in clip.mp4",
            person.name,
            person.table,
            (),
        )
        for person in people
    )
    frames = len(people[0])
    target = TargetStatistics("clip.mp4", shown, frames, 0 if alone else frames, 0, 5)
    return replace(target, **values)


def with_constants(person: FaceSetStatistics, **values: float) -> FaceSetStatistics:
    """Return the statistics with some properties equal in all faces."""
    columns = {name: np.full(len(person), value, np.float32) for name, value in values.items()}
    return replace(person, table=replace(person.table, **columns))


def turned(person: FaceSetStatistics, degrees: float) -> FaceSetStatistics:
    """Return the statistics with a yaw added to all faces."""
    return replace(person, table=replace(person.table, yaw=person.table.yaw + degrees))


def run_checks(
    checks: Iterable[Callable[[Subject], ReviewFinding | None]], subject: Subject
) -> dict[str, ReviewFinding]:
    """Return the findings by name."""
    findings = [finding for check in checks if (finding := check(subject))]
    return {finding.name: finding for finding in findings}
