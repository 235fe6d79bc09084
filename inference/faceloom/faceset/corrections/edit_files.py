"""The files that keep the edits of corrections for undo and redo.

NUMBER.json          an edit, the oldest with the lowest number
NUMBER.undone.json   an edit that was undone
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Base64Bytes, Field

from faceloom.atomic import write_text
from faceloom.errors import FaceloomError
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom.safe_read import MAX_DOCUMENT_BYTES

log = logging.getLogger(__name__)

SCHEMA: Literal[1] = 1
_UNDONE = ".undone.json"
# Digits of a number in a name.
_DIGITS = 8

FileName = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,100}\.(json|png)$")]


class StoredContent(StrictModel):
    """The content of one file before and after an edit, in base64; None: there is no file."""

    before: Base64Bytes | None
    """Before the edit."""
    after: Base64Bytes | None
    """After the edit."""

    @classmethod
    def of(cls, before: bytes | None, after: bytes | None) -> "StoredContent":
        """Store the content of a file.

        Args:
            before: The content before the edit.
            after: The content after the edit.
        """
        # Validation would decode the bytes as base64.
        return cls.model_construct(before=before, after=after)


class StoredEdit(StrictModel):
    """`NUMBER.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    files: dict[FileName, StoredContent]
    """The changed files of the folder `corrections/` by name."""


@dataclass(frozen=True, slots=True)
class NumberedEdit:
    """An edit that was read."""

    number: int
    """Its number."""
    is_undone: bool
    """Whether it was undone."""
    files: Mapping[str, StoredContent]
    """The changed files of the folder `corrections/` by name."""


class EditFiles:
    """The edits in a folder.

    Errors of the disk are logged and not raised: the edit itself is complete, and only its undo
    after the end of the program is lost.
    """

    def __init__(self, folder: Path):
        """Remember the folder, which may not exist.

        Args:
            folder: The folder.
        """
        self._folder = folder

    @property
    def last_number(self) -> int:
        """The largest number of a file, damaged ones included; 0 if there is none."""
        return max((number for number, _ in self._paths()), default=0)

    def read(self) -> list[NumberedEdit]:
        """Return the edits, the oldest first; without a damaged one and those before it."""
        edits: list[NumberedEdit] = []
        for number, path in self._paths():
            try:
                stored = read_document(path, StoredEdit, SCHEMA, "stored edit")
            except FaceloomError as error:
                log.warning("Edits up to %s cannot be undone: %s", path, error)
                edits.clear()
            else:
                edits.append(NumberedEdit(number, path.name.endswith(_UNDONE), stored.files))
        return edits

    def add(self, number: int, files: Mapping[str, StoredContent]) -> None:
        """Write an edit. If it is too large to store, the edits before it are removed as well.

        Args:
            number: Its number, larger than all others.
            files: The changed files of the folder `corrections/` by name.
        """
        text = to_json(StoredEdit(files=dict(files)))
        if len(text) > MAX_DOCUMENT_BYTES:
            for edit in self.read():
                self.remove(edit.number)
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_text(self._path(number), text)
        except (FaceloomError, OSError) as error:
            log.warning("This edit cannot be undone after the program ends: %s", error)

    def mark(self, number: int, *, is_undone: bool) -> None:
        """Mark an edit as undone or as made again.

        Args:
            number: Its number.
            is_undone: Whether it is undone.
        """
        source = self._path(number, is_undone=not is_undone)
        try:
            source.replace(self._path(number, is_undone=is_undone))
        except OSError as error:
            log.warning("%s cannot be renamed: %s", source, error)

    def remove(self, number: int) -> None:
        """Delete an edit.

        Args:
            number: Its number.
        """
        for is_undone in (False, True):
            path = self._path(number, is_undone=is_undone)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                log.warning("%s cannot be removed: %s", path, error)

    def _paths(self) -> list[tuple[int, Path]]:
        """Return the files with their numbers, the lowest number first."""
        paths = ((path.name.split(".")[0], path) for path in self._folder.glob("*.json"))
        return sorted((int(number), path) for number, path in paths if number.isdecimal())

    def _path(self, number: int, *, is_undone: bool = False) -> Path:
        return self._folder / f"{number:0{_DIGITS}d}{_UNDONE if is_undone else '.json'}"
