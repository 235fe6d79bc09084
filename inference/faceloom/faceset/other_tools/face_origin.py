"""What another tool recorded about a face that it cut out."""

from dataclasses import dataclass
from pathlib import PureWindowsPath

from faceloom.faceset.packed_points import PointXY


class FaceMetadataError(Exception):
    """The metadata exists and is damaged, or holds something else than data."""


@dataclass(frozen=True, slots=True)
class FacePlace:
    """Where a face is in its picture."""

    box_xyxy: tuple[float, float, float, float]
    """Left, top, right and bottom of its landmarks in pixels."""
    points_xy: tuple[PointXY, ...]
    """Eye left, eye right, nose tip, mouth corner left, mouth corner right, in pixels."""


@dataclass(frozen=True, slots=True)
class FaceOrigin:
    """Where a face was cut from."""

    name: str
    """Name of the picture, or of the video without its extension, which is not recorded."""
    frame: int
    """Index of the frame, from 0."""
    face: int = 0
    """Index of the face in the frame, from 0."""
    place: FacePlace | None = None
    """Where the face is in the cut picture; None if that is not recorded."""
    is_partial: bool = False
    """Whether the cut picture shows only a part of the face."""


def recorded_name(text: str) -> str:
    """Return the printable name of a file from a path that was recorded on another machine.

    Args:
        text: The path.
    """
    # PureWindowsPath splits at both kinds of separators.
    name = PureWindowsPath(text).name
    return "".join(letter for letter in name if letter.isprintable()) or "unnamed"
