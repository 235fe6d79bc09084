"""The files after a power failure: those of a recording, without some of what was not flushed.

POSIX promises only what was flushed: fsync of a file keeps its content, fsync of a folder keeps
which names it contains. Any part of the rest may be lost, in any order. What a program wrote that
the command started counts as flushed: programs are recorded on their own.
"""

import os
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from tests.helpers.write_faults.recording import Call

# Time between two calls, for the files' times of modification, in ns.
_STEP_NS = 1_000_000
# Calls that change names.
_NAME_CALLS = ("create", "mkdir", "remove", "rename", "link")


class Loss(StrEnum):
    """What a power failure takes of what was not flushed."""

    NOTHING = "nothing"
    """Nothing, as when a process is killed."""
    ALL = "all"
    """All content and all names."""
    CONTENT = "content"
    """All content: names are kept, and files have the content of their last fsync."""
    ZEROS = "content, sizes kept"
    """All content, but files have their last size, filled with zeros."""
    NAMES = "names"
    """All names: created, renamed and removed names are those of the last fsync of their folder."""
    ANY = "any part"
    """Each name and each content with a chance of one half, content in part."""


@dataclass
class _File:
    """A file."""

    flushed: bytes = b""
    """Content at the last fsync."""
    content: bytearray = field(default_factory=bytearray)
    """Content."""
    modified_ns: int = 0
    """Time of the last change, in ns."""


@dataclass
class _Folder:
    """A folder."""

    flushed: dict[str, "_Node"] = field(default_factory=dict)
    """Names at the last fsync."""
    names: dict[str, "_Node"] = field(default_factory=dict)
    """Names."""


_Node: TypeAlias = "_File | _Folder"


@dataclass(frozen=True, eq=False)
class _NameChange:
    """A name that was created or removed, or both in one rename; atomic on the disk."""

    removed: tuple[_Folder, str] | None
    """The folder and the name that was removed."""
    created: tuple[_Folder, str, _Node] | None
    """The folder, the name that was created, and what it names."""

    def apply(self, names: dict[int, dict[str, _Node]]) -> None:
        """Change the names of folders, by their identity."""
        if self.removed:
            folder, name = self.removed
            names[id(folder)].pop(name, None)
        if self.created:
            folder, name, node = self.created
            names[id(folder)][name] = node

    def concerns(self, folder: _Folder) -> bool:
        """Return whether a name of a folder changed."""
        return any(part is not None and part[0] is folder for part in (self.removed, self.created))


class LossyDisk:
    """A model of a folder on a disk: its files, and which changes were flushed."""

    def __init__(self, root: Path, copy: Path):
        """Start with existing files, all of them flushed.

        Args:
            root: The folder, as the calls of a recording name it.
            copy: A copy of it with its files before the recording.
        """
        self._root = root
        self._top = self._folder = _Folder()
        self._folders: list[_Folder] = [self._top]
        self._inodes: dict[int, _File] = {}
        self._pending: list[_NameChange] = []
        # When the last of the existing files was changed.
        self._now = 0
        self._take_over(copy, self._top)

    def _take_over(self, copy: Path, folder: _Folder) -> None:
        for path in sorted(copy.iterdir()):
            node: _Node
            if path.is_dir():
                node = _Folder()
                self._folders.append(node)
                self._take_over(path, node)
            else:
                content = path.read_bytes()
                node = _File(content, bytearray(content), path.stat().st_mtime_ns)
                self._now = max(self._now, node.modified_ns)
            folder.flushed[path.name] = folder.names[path.name] = node

    def apply(self, calls: Iterable[Call]) -> None:
        """Do what some calls did.

        Args:
            calls: The calls, in order; those of other folders are ignored.
        """
        for call in calls:
            if not call.path.is_relative_to(self._root):
                continue
            self._now += _STEP_NS
            getattr(self, f"_{call.name}")(call)
            if call.in_child:
                self._flush_last(call)

    def _open(self, call: Call) -> None:
        node = self._find(call.path)
        assert isinstance(node, _File)
        self._inodes[call.inode] = node

    def _create(self, call: Call) -> None:
        file = self._inodes[call.inode] = _File(modified_ns=self._now)
        self._change_names(created=(*self._place(call.path), file))

    def _write(self, call: Call) -> None:
        file = self._inodes[call.inode]
        end = call.offset + len(call.data)
        file.content.extend(bytes(max(0, end - len(file.content))))
        file.content[call.offset : end] = call.data
        file.modified_ns = self._now

    def _truncate(self, call: Call) -> None:
        file = self._inodes[call.inode]
        file.content = file.content[: call.offset].ljust(call.offset, b"\0")
        file.modified_ns = self._now

    def _fsync(self, call: Call) -> None:
        node = self._find(call.path)
        if isinstance(node, _File):
            node.flushed = bytes(node.content)
            return
        self._flush_names([change for change in self._pending if change.concerns(node)])

    def _flush_last(self, call: Call) -> None:
        """Flush what the last call changed."""
        file = self._inodes.get(call.inode)
        if file is not None:
            file.flushed = bytes(file.content)
        if call.name in _NAME_CALLS:
            self._flush_names(self._pending[-1:])

    def _flush_names(self, changes: list[_NameChange]) -> None:
        names = {id(folder): folder.flushed for folder in self._folders}
        for change in changes:
            change.apply(names)
            self._pending.remove(change)

    def _mkdir(self, call: Call) -> None:
        folder = _Folder()
        self._folders.append(folder)
        self._change_names(created=(*self._place(call.path), folder))

    def _remove(self, call: Call) -> None:
        self._change_names(removed=self._place(call.path))

    def _rename(self, call: Call) -> None:
        assert call.other is not None
        created = (*self._place(call.other), self._find(call.path))
        self._change_names(removed=self._place(call.path), created=created)

    def _link(self, call: Call) -> None:
        assert call.other is not None
        self._change_names(created=(*self._place(call.other), self._find(call.path)))

    def _change_names(
        self,
        removed: tuple[_Folder, str] | None = None,
        created: tuple[_Folder, str, _Node] | None = None,
    ) -> None:
        change = _NameChange(removed, created)
        change.apply({id(folder): folder.names for folder in self._folders})
        self._pending.append(change)

    def _find(self, path: Path) -> _Node:
        node: _Node = self._top
        for name in path.relative_to(self._root).parts:
            assert isinstance(node, _Folder)
            node = node.names[name]
        return node

    def _place(self, path: Path) -> tuple[_Folder, str]:
        folder = self._find(path.parent)
        assert isinstance(folder, _Folder)
        return folder, path.name

    def write(self, folder: Path, loss: Loss, rng: random.Random) -> None:
        """Write the files that are left after a power failure.

        Args:
            folder: An empty folder.
            loss: What is lost.
            rng: Chooses what is lost, for `Loss.ANY`.
        """
        names = {id(each): dict(each.flushed) for each in self._folders}
        for change in self._pending:
            if loss not in (Loss.ALL, Loss.NAMES) and (loss is not Loss.ANY or rng.random() < 0.5):
                change.apply(names)
        self._write_names(names, self._top, folder, loss, rng)

    def _write_names(
        self,
        names: dict[int, dict[str, _Node]],
        folder: _Folder,
        path: Path,
        loss: Loss,
        rng: random.Random,
    ) -> None:
        for name, node in names[id(folder)].items():
            if isinstance(node, _Folder):
                (path / name).mkdir()
                self._write_names(names, node, path / name, loss, rng)
            else:
                (path / name).write_bytes(_content(node, loss, rng))
                os.utime(path / name, ns=(node.modified_ns, node.modified_ns))


def _content(file: _File, loss: Loss, rng: random.Random) -> bytes:
    """Return what is left of a file's content."""
    current = bytes(file.content)
    if loss in (Loss.NOTHING, Loss.NAMES) or current == file.flushed:
        return current
    if loss is Loss.ZEROS:
        return file.flushed[: len(current)].ljust(len(current), b"\0")
    if loss is not Loss.ANY:
        return file.flushed
    written = current[: rng.randint(0, len(current))]
    return rng.choice(
        (current, file.flushed, written, written.ljust(len(current), b"\0")),
    )
