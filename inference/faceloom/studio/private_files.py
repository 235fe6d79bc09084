"""The files in a project's folder `.studio` that belong to a clip or a face set."""

import re
import shutil
from contextlib import suppress
from pathlib import Path

from faceloom.studio.studio_project import PRIVATE_FOLDER, ItemKind, StudioProject

# An id, see `item_id`.
_ID = re.compile(r"[0-9a-f]{12}")


def scan_path(project: Path, clip: str) -> Path:
    """Return the file that keeps the scan of a clip, which may not exist.

    Args:
        project: The project's folder.
        clip: Id of the clip.
    """
    return project / PRIVATE_FOLDER / "scans" / f"{clip}.json"


def edits_folder(project: Path) -> Path:
    """Return the folder that keeps edits of corrections, a folder for the id of each face set.

    Args:
        project: The project's folder.
    """
    return project / PRIVATE_FOLDER / "edits"


def remove_files_of_removed_items(project: StudioProject) -> None:
    """Remove scans of clips and edits of face sets that the project does not list.

    Those of a listed item stay while its path does not exist: its disk may be absent. What cannot
    be removed stays as well.

    Args:
        project: The project.
    """
    for path in _of_removed(edits_folder(project.folder), project, ItemKind.FACES):
        shutil.rmtree(path, ignore_errors=True)
    for path in _of_removed(scan_path(project.folder, "").parent, project, ItemKind.CLIP):
        with suppress(OSError):
            path.unlink()


def _of_removed(folder: Path, project: StudioProject, kind: ItemKind) -> list[Path]:
    """Return the entries that are named by an id that is not listed.

    None if the folder is a symbolic link, as a project that somebody else made may contain some,
    and none if it does not exist or cannot be read.
    """
    if folder.is_symlink() or folder.parent.is_symlink():
        return []
    try:
        # Read before the list, as an item may be added meanwhile.
        named = [path for path in folder.iterdir() if _ID.fullmatch(path.stem)]
        listed = project.listed_ids(kind)
    except OSError:
        return []
    return [path for path in named if path.stem not in listed]
