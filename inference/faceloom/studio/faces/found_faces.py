"""The faces that a running extraction has found so far."""

import heapq
import re
from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.faceset.extraction_journal import journals_folder
from faceloom.studio.faces.crop_files import crop_names, crop_path, has_crop

# Faces that are shown.
_SHOWN = 12
# Name of a journal's folder.
_JOURNAL = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class FoundFaces:
    """The faces that an extraction has found so far, of all people in the footage."""

    count: int
    """Their number."""
    newest: tuple[str, ...]
    """Names of the newest ones, the newest first, see `found_crop`."""


def find_newest(out: Path) -> FoundFaces:
    """Return the faces that an extraction has found so far.

    Args:
        out: The face set that it makes.
    """
    count = 0
    newest: list[tuple[float, str]] = []
    for journal in _journals(out):
        names = crop_names(journal)
        count += len(names)
        # Names sort by frame. The newest crop may be incomplete.
        complete = heapq.nlargest(_SHOWN + 1, names)[1:]
        newest += [(_write_time(journal, name), f"{journal.name}.{name}") for name in complete]
    return FoundFaces(count, tuple(name for _, name in heapq.nlargest(_SHOWN, newest)))


def found_crop(out: Path, name: str) -> Path:
    """Return the crop of a found face.

    Args:
        out: The face set that the extraction makes.
        name: Name of the face, see `FoundFaces`.

    Raises:
        UsageError: There is no such face, or the extraction has ended.
    """
    folder, _, face = name.partition(".")
    journal = journals_folder(out) / folder
    if not _JOURNAL.fullmatch(folder) or not has_crop(journal, face):
        raise UsageError(
            f"The extraction has no face {name[:100]!r}; it may have ended. Load the page again."
        )
    return crop_path(journal, face)


def _journals(out: Path) -> list[Path]:
    folder = journals_folder(out)
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if _JOURNAL.fullmatch(path.name)]


def _write_time(journal: Path, name: str) -> float:
    """Return the time at which a crop was written; 0 if the extraction has just removed it."""
    try:
        return crop_path(journal, name).stat().st_mtime
    except (UsageError, OSError):
        return 0
