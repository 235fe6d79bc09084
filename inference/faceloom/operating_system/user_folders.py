"""The user's folders for data and caches, as the XDG Base Directory Specification names them."""

import os
from pathlib import Path

from faceloom.errors import UsageError


def data_folder() -> Path:
    """Return Faceloom's folder for the user's data; it may not exist.

    Raises:
        UsageError: The user has no home folder and XDG_DATA_HOME is not set.
    """
    return _user_folder("XDG_DATA_HOME", ".local/share")


def cache_folder() -> Path:
    """Return Faceloom's folder for data that can be computed again; it may not exist.

    Raises:
        UsageError: The user has no home folder and XDG_CACHE_HOME is not set.
    """
    return _user_folder("XDG_CACHE_HOME", ".cache")


def _user_folder(variable: str, default: str) -> Path:
    if folder := os.environ.get(variable):
        return Path(folder) / "faceloom"
    try:
        return Path.home() / default / "faceloom"
    except RuntimeError:
        # A user ID without an entry in the user database, as in containers.
        raise UsageError(
            f"This user has no home folder; set {variable} to a writable folder."
        ) from None
