"""Show the folders of this machine to choose footage from, within the allowed roots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceloom.artifact_kind import Kind, identify_kind
from faceloom.atomic import friendly_os_error
from faceloom.errors import UsageError
from faceloom.json_documents import utf8_text

# Most entries of one folder that are shown.
_MAX_ENTRIES = 2000
# Kinds of pictures, and how a page names them.
PICTURES = {Kind.PICTURE: "picture", Kind.SWAPPED_PICTURE: "picture"}
# What a project can contain.
ITEMS = {
    Kind.VIDEO: "video",
    Kind.SWAPPED_VIDEO: "video",
    Kind.FACE_SET: "face set",
    Kind.RUN: "training",
    Kind.BUNDLE: "bundle",
}


@dataclass(frozen=True, slots=True)
class PickerEntry:
    """A file or folder to choose or to open."""

    name: str
    """Its name."""
    path: str
    """Its absolute path."""
    kind: str
    """What it is, in a word; "folder" can only be opened."""
    size: int
    """Bytes of a file; 0 for a folder."""


@dataclass(frozen=True, slots=True)
class PickerListing:
    """What a folder contains."""

    path: str
    """The folder's absolute path; empty for the list of roots."""
    parent: str | None
    """The folder above, empty for the list of roots; None if there is none."""
    entries: tuple[PickerEntry, ...]
    """Folders first, then what can be chosen, by name."""
    is_complete: bool
    """Whether all entries are listed."""


def list_folder(
    path: str, roots: Sequence[Path], choices: Mapping[Kind, str] = ITEMS
) -> PickerListing:
    """List a folder.

    Args:
        path: Its absolute path; empty lists the roots.
        roots: Folders that may be shown, with all that they contain, resolved.
        choices: What can be chosen, and how a page names it.

    Raises:
        UsageError: The folder is outside the roots, missing or not readable.
    """
    if not path and len(roots) > 1:
        folders = tuple(PickerEntry(str(root), str(root), "folder", 0) for root in roots)
        return PickerListing("", None, folders, is_complete=True)
    folder = check_within(Path(path) if path else roots[0], roots)
    try:
        found = sorted(folder.iterdir(), key=lambda entry: entry.name.lower())
    except OSError as error:
        raise friendly_os_error(error, folder) from error
    visible = [entry for entry in found if not entry.name.startswith(".")]
    listed = [_entry(entry, choices) for entry in visible[:_MAX_ENTRIES]]
    entries = sorted(filter(None, listed), key=lambda entry: entry.kind != "folder")
    above = str(folder.parent) if folder not in roots else ("" if len(roots) > 1 else None)
    return PickerListing(str(folder), above, tuple(entries), len(visible) <= _MAX_ENTRIES)


def check_within(path: Path, roots: Sequence[Path]) -> Path:
    """Return a path with its links resolved if it is within the roots.

    Args:
        path: The path.
        roots: The allowed folders, resolved.

    Raises:
        UsageError: The path is outside the roots.
    """
    try:
        resolved = path.resolve()
    except ValueError as error:
        raise UsageError("The path contains a zero byte; choose another one.") from error
    if not any(resolved.is_relative_to(root) for root in roots):
        raise UsageError(
            f"{path} is outside the folders that this studio may show; start it with --root FOLDER."
        )
    return resolved


def check_picture(path: Path, roots: Sequence[Path]) -> Path:
    """Return the path of a picture within the roots, with its links resolved.

    Args:
        path: The path.
        roots: The allowed folders, resolved.

    Raises:
        UsageError: It is missing, no picture, or outside the roots.
    """
    resolved = check_within(path, roots)
    kind = identify_kind(resolved)
    if kind not in PICTURES:
        raise UsageError(f"{path} is {kind}; choose a picture of a face.")
    return resolved


def _entry(path: Path, choices: Mapping[Kind, str]) -> PickerEntry | None:
    """Return the entry of a path; None if it is neither a folder nor something to choose.

    A name that is not UTF-8 cannot be sent to the page.
    """
    if utf8_text(str(path)) != str(path):
        return None
    try:
        kind = choices.get(identify_kind(path), "folder" if path.is_dir() else "")
        size = path.stat().st_size if path.is_file() else 0
    except OSError:
        return None
    return PickerEntry(path.name, str(path), kind, size) if kind else None
