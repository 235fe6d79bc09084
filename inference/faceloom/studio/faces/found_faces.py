"""The faces that a running extraction has found so far."""

import heapq
import os
import re
from dataclasses import dataclass
from pathlib import Path

from faceloom.errors import UsageError

# Faces that are shown.
_SHOWN = 12
# A journal's folder and the file of a face in it, see `faceloom.faceset.extraction_journal`.
_JOURNAL = re.compile(r"[0-9a-f]{16}")
_FACE = re.compile(r"[0-9A-Za-z_-]{1,100}")


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
        stems = _crop_stems(journal)
        count += len(stems)
        # Names count the frames. The last one may not be written completely.
        last = heapq.nlargest(_SHOWN + 1, stems)[1:]
        newest += [(_written(journal, stem), f"{journal.name}.{stem}") for stem in last]
    return FoundFaces(count, tuple(name for _, name in heapq.nlargest(_SHOWN, newest)))


def found_crop(out: Path, name: str) -> Path:
    """Return the crop of a found face.

    Args:
        out: The face set that the extraction makes.
        name: Name of the face, see `FoundFaces`.

    Raises:
        UsageError: There is no such face, or the extraction has ended.
    """
    journal, _, stem = name.partition(".")
    crop = _work_folder(out) / journal / "crops" / f"{stem}.jpg"
    is_name = _JOURNAL.fullmatch(journal) and _FACE.fullmatch(stem)
    if not is_name or crop.is_symlink() or not crop.is_file():
        raise UsageError(f"There is no found face {name[:100]!r}; the extraction has ended.")
    return crop


def _work_folder(out: Path) -> Path:
    return out.with_name(f"{out.name}.work")


def _journals(out: Path) -> list[Path]:
    folder = _work_folder(out)
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if _JOURNAL.fullmatch(path.name)]


def _crop_stems(journal: Path) -> list[str]:
    try:
        with os.scandir(journal / "crops") as entries:
            return [each.name[:-4] for each in entries if each.name.endswith(".jpg")]
    except OSError:
        # The extraction ends, or it has not begun with this file.
        return []


def _written(journal: Path, stem: str) -> float:
    try:
        return (journal / "crops" / f"{stem}.jpg").stat().st_mtime
    except OSError:
        return 0
