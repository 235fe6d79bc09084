"""The files that keep the edits of corrections for undo and redo.

NUMBER.json          an edit, the oldest with the lowest number
NUMBER.undone.json   an edit that was undone
"""

import logging
from base64 import b64encode
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
# Digits of a number, so that names sort by it.
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
        # The type takes base64, and contains the bytes.
        encoded = (None if each is None else b64encode(each) for each in (before, after))
        return cls(**dict(zip(("before", "after"), encoded, strict=True)))


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
    """The edits in a folder. A file that cannot be written is logged: an edit does not fail."""

    def __init__(self, folder: Path):
        """Remember the folder, which may not exist.

        Args:
            folder: The folder.
        """
        self._folder = folder

    def read(self) -> list[NumberedEdit]:
        """Return the edits, the oldest first; those before a damaged one are left out."""
        edits: list[NumberedEdit] = []
        for path in sorted(self._folder.glob("*.json")):
            number, is_undone = path.name.split(".")[0], path.name.endswith(_UNDONE)
            try:
                stored = read_document(path, StoredEdit, SCHEMA, "stored edit")
                edits.append(NumberedEdit(int(number), is_undone, stored.files))
            except (FaceloomError, ValueError) as error:
                log.warning("Edits up to %s cannot be undone: %s", path, error)
                edits.clear()
        return edits

    def add(self, number: int, files: Mapping[str, StoredContent]) -> None:
        """Write an edit; one that is too large removes all others, which it would follow.

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
        """Remember whether an edit is undone.

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
            self._path(number, is_undone=is_undone).unlink(missing_ok=True)

    def _path(self, number: int, *, is_undone: bool = False) -> Path:
        return self._folder / f"{number:0{_DIGITS}d}{_UNDONE if is_undone else '.json'}"
