"""Which faces are shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb
from faceloom.faceset import FaceRow
from faceloom.html import page_jpeg
from faceloom.review.statistics import FaceSetStatistics, FaceValues, TargetPersonStatistics

SHOWN = 12
# Degrees between two faces of a sheet.
_APART = 5.0
_SIDE = 112
_SHOWN_COVERAGE = 0.85


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture, as JPEG, and what is said under it."""

    picture: bytes
    caption: str


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """A row of faces with a title."""

    title: str
    thumbs: tuple[Thumbnail, ...]


def contact_sheets(person: FaceSetStatistics) -> tuple[ContactSheet, ...]:
    """Return the best, the worst and the most doubtful faces of a set.

    Best: sharp and like the person, no two alike. Worst: the least sharp. Doubtful: the least like the person.
    """
    sharpness, likeness = person.table.sharpness, person.similarity
    worth = np.where(person.duplicate, -1, np.minimum(sharpness, 1) * likeness)
    return (
        _sheet(
            "Best: sharp and like the person (sharpness)", person, np.argsort(-worth), sharpness
        ),
        _sheet("Worst: the least sharp (sharpness)", person, np.argsort(sharpness), sharpness),
        _sheet(
            "Most doubtful: the least like the rest (likeness)",
            person,
            np.argsort(likeness),
            likeness,
        ),
    )


def target_sheet(person: TargetPersonStatistics) -> ContactSheet:
    """Return faces of a person of the target, spread evenly over it."""
    numbers = np.unique(np.linspace(0, len(person.thumbnails) - 1, SHOWN).round().astype(int))
    yaw = person.table.yaw
    return ContactSheet(
        "Over the clip",
        tuple(Thumbnail(person.thumbnails[n], f"{_turn(float(yaw[n]))}") for n in numbers),
    )


def thumbnail(crop: Rgb, coverage: float) -> bytes:
    """Return the middle of a crop, where the face is, as a small JPEG: a clip may show thousands."""
    edge = round(len(crop) * (1 - _SHOWN_COVERAGE / coverage) / 2)
    middle = crop[edge : len(crop) - edge, edge : len(crop) - edge]
    small = np.asarray(cv2.resize(middle, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    return page_jpeg(small)


def _sheet(
    title: str, person: FaceSetStatistics, order: np.ndarray, captions: FaceValues
) -> ContactSheet:
    rows = person.faces.rows
    numbers = _unlike(order.tolist(), np.stack([person.table.yaw, person.table.pitch], 1))
    return ContactSheet(
        title, tuple(Thumbnail(_thumb(person, rows[n]), f"{captions[n]:.2f}") for n in numbers)
    )


def _unlike(order: Sequence[int], poses: Float32[np.ndarray, "n 2"]) -> list[int]:
    """Pick the first SHOWN that are turned differently, so that a sheet is not one moment twelve times.

    Where there are too few such faces, the first of the others fill up; all stay in their order.
    """
    picked: list[int] = []
    for number in order:
        if len(picked) < SHOWN and (np.hypot(*(poses[picked] - poses[number]).T) > _APART).all():
            picked.append(number)
    rest = [number for number in order if number not in picked]
    shown = {*picked, *rest[: SHOWN - len(picked)]}
    return [number for number in order if number in shown]


def _thumb(person: FaceSetStatistics, row: FaceRow) -> bytes:
    return thumbnail(person.faces.read_crop(row), person.faces.geometry.coverage)


def _turn(yaw: float) -> str:
    if abs(yaw) < 0.5:
        return "0°"
    return f"{abs(yaw):.0f}° {'left' if yaw < 0 else 'right'}"
