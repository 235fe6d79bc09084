"""The crops of a face set by the names of its faces."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import Field

from faceloom.errors import UsageError

FaceName = Annotated[str, Field(min_length=1, max_length=100)]
"""A face's name in a request or a file; it is checked when it is used."""
# See `faceloom.faceset.schema.CropPath`.
_NAME = re.compile(r"[0-9A-Za-z_-]{1,100}")
_EXTENSION = ".jpg"


def check_face_name(name: str) -> None:
    """Check that a text can be the name of a face.

    Args:
        name: The text.

    Raises:
        UsageError: It is no name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name[:100]!r} is not the name of a face; load the page again.")


def has_crop(directory: Path, name: str) -> bool:
    """Return whether a folder with crops, such as a face set, has that of a face.

    Args:
        directory: The folder.
        name: Name of the face; any text.
    """
    crop = _crop(directory, name)
    return bool(_NAME.fullmatch(name)) and not crop.is_symlink() and crop.is_file()


def crop_path(directory: Path, name: str) -> Path:
    """Return the crop of a face.

    Args:
        directory: The face set.
        name: Name of the face.

    Raises:
        UsageError: The face set has no such face.
    """
    check_face_name(name)
    if not has_crop(directory, name):
        raise UsageError(f"{directory} has no face {name!r}; it was dropped. Load the page again.")
    return _crop(directory, name)


def crop_names(directory: Path) -> list[str]:
    """Return the names of all faces that have a crop, in no order; none without a folder of crops.

    Args:
        directory: The face set, or the journal of an extraction.
    """
    try:
        with os.scandir(directory / "crops") as entries:
            crops = [each.name for each in entries if each.name.endswith(_EXTENSION)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    names = (crop.removesuffix(_EXTENSION) for crop in crops)
    return [name for name in names if _NAME.fullmatch(name)]


def _crop(directory: Path, name: str) -> Path:
    return directory / "crops" / f"{name}{_EXTENSION}"
