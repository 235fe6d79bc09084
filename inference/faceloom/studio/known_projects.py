"""Which projects this user has worked in.

The jobs of a folder from elsewhere do not start by themselves.
"""

from pathlib import Path

from faceloom.atomic import write_text
from faceloom.hashing import sha256_of
from faceloom.user_folders import data_folder


def is_known(folder: Path) -> bool:
    """Return whether this user has worked in a project on this machine.

    Args:
        folder: The project's folder.
    """
    return _mark(folder).is_file()


def remember(folder: Path) -> None:
    """Remember that this user works in a project.

    Args:
        folder: The project's folder.
    """
    if not is_known(folder):
        write_text(_mark(folder), f"{folder}\n")


def _mark(folder: Path) -> Path:
    return data_folder() / "studio-projects" / sha256_of(bytes(folder.resolve()))[:24]
