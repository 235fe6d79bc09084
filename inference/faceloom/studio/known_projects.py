"""Which projects this user has worked in.

The jobs of a folder from elsewhere do not start by themselves.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from faceloom.atomic import atomic_file
from faceloom.hashing import sha256_of
from faceloom.operating_system.user_folders import data_folder
from faceloom.studio.studio_project import STUDIO_FILE

# Folder in the user's data folder with a file for each project: its content is the project's path,
# its modification time the last use.
_FOLDER = "studio-projects"


def is_known(folder: Path) -> bool:
    """Return whether this user has worked in a project on this machine.

    Args:
        folder: The project's folder.
    """
    return _record(folder).is_file()


def remember(folder: Path) -> None:
    """Remember that this user works in a project now.

    Args:
        folder: The project's folder.
    """
    with atomic_file(_record(folder)) as part:
        part.write_bytes(bytes(folder) + b"\n")


def list_projects() -> Iterator[Path]:
    """Yield the projects that this user has worked in and that exist, the last used one first.

    Yields:
        The project's folder.
    """
    records = data_folder() / _FOLDER
    if not records.is_dir():
        return
    files = [path for path in records.iterdir() if not path.name.startswith(".")]
    for file in sorted(files, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        folder = Path(os.fsdecode(file.read_bytes().removesuffix(b"\n")))
        # A folder may be unreadable, or on a network that is not connected.
        with suppress(OSError):
            if (folder / STUDIO_FILE).is_file():
                yield folder


def _record(folder: Path) -> Path:
    return data_folder() / _FOLDER / sha256_of(bytes(folder.resolve()))[:24]
