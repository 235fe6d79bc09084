"""Contact sheets of faces for the report."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from faceloom.array_types import Rgb
from faceloom.reports import encode_jpeg
from faceloom.review.statistics import FaceSetStatistics, FaceValues, TargetPersonStatistics

# Faces of a contact sheet.
FACES_PER_SHEET = 12
# Degrees of yaw and pitch between two faces of a sheet: it should not show consecutive frames.
_LEAST_ANGLE = 5.0
# Pixels of a thumbnail's side.
_SIDE = 112
# Coverage of a thumbnail: the face without its surroundings.
_COVERAGE = 0.85
# Degrees of yaw below which a face is captioned as frontal.
_FRONTAL = 0.5


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of a face."""

    jpeg: bytes
    """JPEG file."""
    caption: str
    """Text below it."""


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """A row of faces."""

    title: str
    """Heading."""
    thumbnails: tuple[Thumbnail, ...]
    """The faces."""


def faceset_contact_sheets(person: FaceSetStatistics) -> tuple[ContactSheet, ...]:
    """Build the contact sheets of a face set.

    Args:
        person: The face set's statistics.

    Returns:
        The best faces (sharp, similar to the person, no near-duplicates), the least sharp ones, and
        the least similar ones.
    """
    sharpness, similarity = person.table.sharpness, person.similarity
    goodness = np.where(person.duplicate, -1, np.minimum(sharpness, 1) * similarity)
    return (
        _sheet("Best: sharp and similar (sharpness)", person, np.argsort(-goodness), sharpness),
        _sheet("Least sharp (sharpness)", person, np.argsort(sharpness), sharpness),
        _sheet(
            "Least similar to the others (similarity)", person, np.argsort(similarity), similarity
        ),
    )


def target_contact_sheet(person: TargetPersonStatistics) -> ContactSheet:
    """Build the contact sheet of a person of the target, evenly spread over the video.

    Args:
        person: The person's statistics.
    """
    last = len(person.thumbnails) - 1
    indices = np.unique(np.linspace(0, last, FACES_PER_SHEET).round().astype(int)).tolist()
    yaw = person.table.yaw.tolist()
    return ContactSheet(
        "Over the video (yaw)",
        tuple(Thumbnail(person.thumbnails[i], _format_yaw(yaw[i])) for i in indices),
    )


def thumbnail(crop: Rgb, coverage: float) -> bytes:
    """Return the center of a crop as a small JPEG file.

    Args:
        crop: Crop of a face.
        coverage: Coverage of the crop.
    """
    margin = round(len(crop) * (1 - _COVERAGE / coverage) / 2)
    center = crop[margin : len(crop) - margin, margin : len(crop) - margin]
    small = np.asarray(cv2.resize(center, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    return encode_jpeg(small)


def _sheet(
    title: str, person: FaceSetStatistics, order: np.ndarray, captions: FaceValues
) -> ContactSheet:
    rows, coverage = person.faces.rows, person.faces.geometry.coverage
    return ContactSheet(
        title,
        tuple(
            Thumbnail(
                thumbnail(person.faces.read_crop(rows[index]), coverage), f"{captions[index]:.2f}"
            )
            for index in _pick_different(order.tolist(), person.table.poses())
        ),
    )


def _pick_different(order: Sequence[int], poses: Float32[np.ndarray, "n 2"]) -> list[int]:
    """Pick the first FACES_PER_SHEET with different head poses, filled up with the first others."""
    picked: list[int] = []
    for index in order:
        if len(picked) == FACES_PER_SHEET:
            break
        distances = np.hypot(*(poses[picked] - poses[index]).T)
        if (distances > _LEAST_ANGLE).all():
            picked.append(index)
    others = [index for index in order if index not in picked]
    shown = {*picked, *others[: FACES_PER_SHEET - len(picked)]}
    return [index for index in order if index in shown]


def _format_yaw(yaw: float) -> str:
    if abs(yaw) < _FRONTAL:
        return "0°"
    return f"{abs(yaw):.0f}° {'left' if yaw < 0 else 'right'}"
