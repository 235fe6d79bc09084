"""Write corrections of a face set, with undo and redo."""

import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from faceloom.atomic import atomic_file, explain_os_errors
from faceloom.errors import FaceloomError, UsageError
from faceloom.faces.alignment import MAX_CROP_SIDE
from faceloom.faceset.corrections.correction_files import CORRECTIONS_FOLDER
from faceloom.faceset.corrections.edit_files import EditFiles, NumberedEdit, StoredContent
from faceloom.faceset.corrections.painted_masks import max_mask_bytes
from faceloom.output_lock import lock_output
from faceloom.safe_read import read_bounded

# Edits that can be undone.
_MAX_EDITS = 200
# Largest file that is replaced, in bytes: a mask of the largest crop.
_MAX_BYTES = max_mask_bytes(MAX_CROP_SIDE)
# Seconds to wait for another edit, or another process, that writes the face set.
_LOCK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class _Edit:
    """The content of some files before and after an edit; None if the file does not exist."""

    number: int
    """Number of the edit; a later edit has a larger one."""
    before: Mapping[Path, bytes | None]
    """Before the edit."""
    after: Mapping[Path, bytes | None]
    """After the edit."""

    def reverse(self) -> "_Edit":
        return _Edit(self.number, self.after, self.before)

    def to_files(self) -> dict[str, StoredContent]:
        """Return the content by the names of the files."""
        return {
            path.name: StoredContent.of(self.before[path], self.after[path]) for path in self.before
        }

    @classmethod
    def from_files(cls, edit: NumberedEdit, folder: Path) -> "_Edit":
        """Return an edit that was stored.

        Args:
            edit: The stored edit.
            folder: The folder of the corrections.
        """
        before = {folder / name: content.before for name, content in edit.files.items()}
        after = {folder / name: content.after for name, content in edit.files.items()}
        return cls(edit.number, before, after)


class EditHistory:
    """The edits of one face set's corrections. Thread-safe."""

    def __init__(self, directory: Path, store: Path | None = None):
        """Start with the edits that are stored.

        Args:
            directory: The face set.
            store: Folder for the edits; None keeps them in memory until the program ends.
        """
        self._directory = directory
        self._undo: deque[_Edit] = deque()
        self._redo: deque[_Edit] = deque()
        self._lock = threading.Lock()
        self._files = EditFiles(store) if store else None
        self._last_number = self._files.last_number if self._files else 0
        for stored in self._files.read() if self._files else ():
            edit = _Edit.from_files(stored, directory / CORRECTIONS_FOLDER)
            if stored.is_undone:
                self._redo.appendleft(edit.reverse())
            else:
                self._undo.append(edit)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone edit to make again."""
        return bool(self._redo)

    def write(self, files: Mapping[Path, bytes | None]) -> None:
        """Write files of the corrections as one edit; an error leaves them unchanged.

        Args:
            files: New content by path; None deletes the file.

        Raises:
            UsageError: Another process writes the face set, or a file cannot be written.
            PartlyDone: The disk is full.
        """
        with self._lock, lock_output(self._directory, _LOCK_SECONDS):
            before = {path: _content(path) for path in files}
            changed = {path: data for path, data in files.items() if before[path] != data}
            if not changed:
                return
            number = self._last_number + 1
            edit = _Edit(number, {path: before[path] for path in changed}, changed)
            _write_all(edit)
            self._last_number = number
            self._keep(edit)

    def _keep(self, edit: _Edit) -> None:
        """Add the newest edit; forget the undone ones, and the oldest if there are too many."""
        self._undo.append(edit)
        forgotten = list(self._redo)
        self._redo.clear()
        if len(self._undo) > _MAX_EDITS:
            forgotten.append(self._undo.popleft())
        if self._files:
            for each in forgotten:
                self._files.remove(each.number)
            self._files.add(edit.number, edit.to_files())

    def undo(self) -> tuple[str, ...]:
        """Take back the last edit.

        Returns:
            The names of the crops whose corrections changed, without extension.

        Raises:
            UsageError: There is nothing to undo, another process writes the face set, a file
                cannot be written, or another program has changed the files. Then the edit is
                skipped.
            PartlyDone: The disk is full.
        """
        return self._step(self._undo, self._redo, "no correction to undo")

    def redo(self) -> tuple[str, ...]:
        """Make the edit again that was undone last.

        Returns:
            The names of the crops whose corrections changed, without extension.

        Raises:
            UsageError: There is nothing to redo, another process writes the face set, a file
                cannot be written, or another program has changed the files. Then the edit is
                skipped.
            PartlyDone: The disk is full.
        """
        return self._step(self._redo, self._undo, "no correction to redo")

    def _step(self, source: deque[_Edit], target: deque[_Edit], nothing: str) -> tuple[str, ...]:
        with self._lock, lock_output(self._directory, _LOCK_SECONDS):
            if not source:
                raise UsageError(f"There is {nothing}.")
            edit = source[-1]
            if any(_content(path) != data for path, data in edit.after.items()):
                source.pop()
                if self._files:
                    self._files.remove(edit.number)
                raise UsageError(
                    "Another program has changed the corrections in "
                    f"{self._directory / CORRECTIONS_FOLDER}; this edit is skipped. Undo or redo "
                    "again for the next one."
                )
            _write_all(edit.reverse())
            target.append(source.pop().reverse())
            if self._files:
                self._files.mark(edit.number, is_undone=source is self._undo)
            return tuple(sorted({path.stem for path in edit.before}))


def _content(path: Path) -> bytes | None:
    with explain_os_errors(path):
        try:
            return read_bounded(path, _MAX_BYTES)
        except FileNotFoundError:
            return None


def _write_all(edit: _Edit) -> None:
    """Write the files of an edit; an error leaves the content before it."""
    written = list[Path]()
    try:
        for path, data in edit.after.items():
            written.append(path)
            _write(path, data)
    except BaseException:
        # New files are removed first, which makes space on a full disk.
        for path in sorted(written, key=lambda path: edit.before[path] is not None):
            with suppress(FaceloomError):
                _write(path, edit.before[path])
        raise


def _write(path: Path, data: bytes | None) -> None:
    if data is None:
        with explain_os_errors(path):
            path.unlink(missing_ok=True)
        return
    with atomic_file(path) as part:
        part.write_bytes(data)
