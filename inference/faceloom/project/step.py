"""One step of a plan: a command, what it makes, and whether that is complete."""

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from faceloom.faceset.footage import files_of
from faceloom.hashing import sha256_of
from faceloom.project.project_folder import Project


class OnExisting(StrEnum):
    """How a command treats an artifact that is not complete or out of date."""

    REPLACE = "replace"
    """It needs `--force` to replace it."""
    RESUME = "resume"
    """It needs `--resume` to continue, and `--force` to replace."""
    CONTINUE = "continue"
    """It continues by itself."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a plan."""

    title: str
    """What it does, in a few words."""
    arguments: tuple[str, ...]
    """The command line without the program's name."""
    artifact: Path
    """What it makes."""
    key: str
    """Checksum of the command and of everything that it depends on."""
    seconds: float
    """Estimated duration."""
    marker: str = ""
    """File in the artifact that is written last; empty if the artifact is one file."""
    on_existing: OnExisting = OnExisting.REPLACE
    """How the command treats an earlier artifact."""
    has_deadline: bool = False
    """Whether it ends at the time that `--minutes` names."""
    optional: bool = False
    """Whether the plan goes on if it fails."""
    pictures: str = ""
    """Pattern of the pictures to look at that appear in the artifact meanwhile; empty if it is a
    picture itself or has none."""

    def signature(self) -> str:
        """Return a signature of the artifact: it changes when the command writes it."""
        return file_signature(self.artifact / self.marker if self.marker else self.artifact)

    def is_done(self, project: Project) -> bool:
        """Return whether the artifact is complete and up to date.

        A command that was killed after it had written its artifact counts as done: artifacts
        appear when they are complete. Training is different, its folder grows.

        Args:
            project: The project.
        """
        record = project.step(self.artifact)
        signature = self.signature()
        if record is None or record.key != self.key or not signature:
            return False
        appeared = signature != record.before and self.on_existing is not OnExisting.CONTINUE
        return record.done or appeared

    def command(self, project: Project) -> tuple[str, ...]:
        """Return the arguments, with what an earlier artifact makes necessary.

        Args:
            project: The project.
        """
        record = project.step(self.artifact)
        extra: tuple[str, ...] = ()
        if self.on_existing is OnExisting.RESUME and record and record.key == self.key:
            extra += ("--resume",)
        if self.on_existing is not OnExisting.CONTINUE and self.artifact.exists():
            extra += ("--force",)
        return self.arguments + extra

    def to_shell(self, *options: str) -> str:
        """Return the command as one writes it in a shell.

        Args:
            *options: More options.
        """
        return shlex.join(("faceloom", *self.arguments, *options))


def file_signature(path: Path) -> str:
    """Return size and times of a file or folder as text; empty if it does not exist.

    Args:
        path: The file.
    """
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}"


def footage_signature(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Return the absolute path, size and time of each footage file.

    Args:
        paths: Files, folders and patterns.
    """
    rows = []
    for path in paths:
        for file in sorted(files_of(path)[0]):
            if file.is_file():
                stat = file.stat()
                rows.append((str(file.resolve()), stat.st_size, stat.st_mtime_ns))
    return rows


def key_of(*parts: object) -> str:
    """Return a checksum of values that JSON can write.

    Args:
        parts: The values.
    """
    return sha256_of(json.dumps(parts, sort_keys=True, default=str).encode())[:16]
