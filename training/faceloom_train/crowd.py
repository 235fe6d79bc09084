"""Read the crowd: pictures of rendered people with exact label pictures.

A folder holds, for each person, pNNN.webp (the pictures, one under the other), pNNN.png (their
label pictures, alike) and pNNN.npz (landmarks and traits).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from faceloom.array_types import Rgb, float32
from faceloom.errors import UsageError
from faceloom.faces.parsing.regions import Region

# The region of each label value of the crowd's label pictures: background, skin of the face, skin
# elsewhere, hair, eyes, brows, lashes, teeth, tongue, cloth, occluder, glasses. Lashes are thinner
# than a pixel of the network and count as skin.
_REGION_OF_LABEL = np.array(
    [
        Region.BACKGROUND,
        Region.SKIN,
        Region.SKIN,
        Region.HAIR,
        Region.EYES,
        Region.BROWS,
        Region.SKIN,
        Region.MOUTH,
        Region.MOUTH,
        Region.CLOTH,
        Region.OCCLUDER,
        Region.GLASSES,
    ],
    np.uint8,
)
# Points of the 68-point scheme around the lips and around the mouth's opening.
_OUTER_LIPS = slice(48, 60)
_INNER_LIPS = slice(60, 68)
# The crowd's points have the first pixel's center at 0.5; OpenCV's at 0.
_PIXEL_CENTER = 0.5
# People of a group have identical performances, so that whole groups are held out.
PEOPLE_PER_GROUP = 8
# Groups that are not trained on: the first, one of the middle and the last.
VALIDATION_GROUPS = frozenset([0, 12, 25])

Regions = UInt8[np.ndarray, "_ _"]


@dataclass(frozen=True, slots=True)
class CrowdPicture:
    """One picture of a rendered person."""

    rgb: Rgb
    """The picture."""
    regions: Regions
    """The `Region` of each pixel."""
    points_xy: Float32[np.ndarray, "5 2"]
    """Eye centers, nose tip and mouth corners in pixels."""
    landmarks_xy: Float32[np.ndarray, "68 2"]
    """Landmarks of the 68-point scheme in pixels."""


@dataclass(frozen=True, slots=True)
class CrowdPerson:
    """A rendered person."""

    name: str
    """The person's name, pNNN."""
    group: int
    """Picture k of each person of a group shows the same performance, light and background."""
    pictures: list[CrowdPicture]
    """The person's pictures."""
    expression: Float32[np.ndarray, "n c"]
    """Weight of each expression control in each picture, 0 to 1."""
    controls: tuple[str, ...]
    """Names of the expression controls; those of one side of the face end with L or R."""
    gaze: Float32[np.ndarray, "n 2"]
    """Direction of the eyes in each picture, sideways and up, in degrees."""


def read_people(folder: Path, *, validation: bool) -> Iterator[CrowdPerson]:
    """Read the people to train on, or those that are held out.

    Args:
        folder: The crowd's folder.
        validation: True for the people of `VALIDATION_GROUPS`, False for all others.

    Yields:
        Each person.

    Raises:
        UsageError: The folder holds no such people.
    """
    paths = [
        path
        for path in sorted(folder.glob("p[0-9][0-9][0-9].npz"))
        if (_group(path) in VALIDATION_GROUPS) == validation
    ]
    if not paths:
        raise UsageError(f"{folder} holds no pNNN.npz; name the crowd's folder.")
    yield from map(_read_person, paths)


def read_crowd(folder: Path, *, validation: bool) -> list[CrowdPicture]:
    """Read the pictures of the people to train on, or of those that are held out.

    Args:
        folder: The crowd's folder.
        validation: True for the people of `VALIDATION_GROUPS`, False for all others.

    Returns:
        The pictures of each person in turn.

    Raises:
        UsageError: The folder holds no such people.
    """
    people = read_people(folder, validation=validation)
    return [picture for person in people for picture in person.pictures]


def _group(path: Path) -> int:
    return int(path.stem[1:]) // PEOPLE_PER_GROUP


def _read_person(path: Path) -> CrowdPerson:
    truth = np.load(path, allow_pickle=False)
    meta = json.loads(str(truth["meta"]))
    side, controls = meta["size"], tuple(meta["controls"])
    strip = cv2.imread(str(path.with_suffix(".webp")), cv2.IMREAD_COLOR_RGB)
    labels = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_UNCHANGED)
    if strip is None or labels is None:
        raise UsageError(f"{path.with_suffix('.webp')} or .png cannot be read; copy it again.")
    pictures = strip.reshape(-1, side, side, 3).astype(np.uint8, copy=False)
    regions = _REGION_OF_LABEL[labels.reshape(-1, side, side)]
    landmarks = float32(truth["lm68"]) - _PIXEL_CENTER
    for picture_regions, points in zip(regions, landmarks, strict=True):
        _mark_lips(picture_regions, points)
    crowd_pictures = [
        CrowdPicture(rgb, region, points - _PIXEL_CENTER, outline)
        for rgb, region, points, outline in zip(
            pictures, regions, float32(truth["lm5"]), landmarks, strict=True
        )
    ]
    expression, gaze = float32(truth["expr"]), float32(truth["gaze"])
    return CrowdPerson(path.stem, _group(path), crowd_pictures, expression, controls, gaze)


def _mark_lips(regions: Regions, points_xy: Float32[np.ndarray, "68 2"]) -> None:
    """Turn skin inside the outline of the lips into lips, and inside their opening into mouth."""
    for points, region in ((_OUTER_LIPS, Region.LIPS), (_INNER_LIPS, Region.MOUTH)):
        inside = np.zeros(regions.shape, np.uint8)
        cv2.fillPoly(inside, [np.rint(points_xy[points]).astype(np.int32)], 1)
        skin = (regions == Region.SKIN) | (regions == Region.LIPS)
        regions[(inside > 0) & skin] = region
