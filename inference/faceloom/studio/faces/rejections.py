"""Reject faces by name, and find the crop of a name."""

import re
from collections.abc import Sequence
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.faceset.curate import CurateSummary, drop_faces

# The reason in the record of the dropped faces.
_REASON = "rejected in the studio"
# What a face is addressed by; see `crop_name`.
_NAME = re.compile(r"[0-9A-Za-z_-]{1,100}")


def reject_faces(directory: Path, names: Sequence[str]) -> CurateSummary:
    """Drop faces from a face set; `undo_curate` restores them.

    Args:
        directory: The face set.
        names: Names of the faces.

    Returns:
        The result.

    Raises:
        ArtifactRefused: The folder is not a face set.
        UsageError: A name is unknown, no face would remain, or another process writes the face set.
    """
    return drop_faces(directory, [f"crops/{_checked(name)}.jpg" for name in names], _REASON)


def crop_path(directory: Path, name: str) -> Path:
    """Return the crop of a face.

    Args:
        directory: The face set.
        name: Name of the face.

    Raises:
        UsageError: The face set has no such face.
    """
    if not has_crop(directory, _checked(name)):
        raise UsageError(f"{directory} has no face {name!r}; it was dropped. Load the page again.")
    return directory / "crops" / f"{name}.jpg"


def has_crop(directory: Path, name: str) -> bool:
    """Tell whether a face set has a face that is not rejected.

    Args:
        directory: The face set.
        name: Name of the face.
    """
    crop = directory / "crops" / f"{name}.jpg"
    return bool(_NAME.fullmatch(name)) and not crop.is_symlink() and crop.is_file()


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name[:100]!r} is not the name of a face; load the page again.")
    return name
