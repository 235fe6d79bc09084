"""What is done of a conversion, in a hidden folder beside its output, so that a killed one goes on.

    job.json          what is converted, by what and how
    000000.pictures   a segment's pictures, encoded
    000000.npz        what is known after it (see `state_file`)
    000000.json       written last: the segment is whole

The folder goes when the output stands, and with any error that the same command would meet again.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom.atomic import replacing_file, write_text
from faceloom.digest import sha256_of_file
from faceloom.documents import Strict, read_document, to_json
from faceloom.errors import ArtefactRefused, FaceloomError, PartlyDone, UsageError
from faceloom.swap.analysis import AnalysisState
from faceloom.swap.state_file import read_state, write_state

SCHEMA: Literal[1] = 1


class Job(Strict):
    """`job.json`. settings: everything else that decides the pictures, by name."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    faceloom: str
    target: str
    target_size: int
    target_modified: int
    settings: dict[str, str]


class SegmentRow(Strict):
    """A whole segment: its frames, and the checksums of its two files."""

    frames: Annotated[int, Field(ge=1)]
    pictures_sha256: str
    state_sha256: str | None


class Unfinished:
    """The folder of one conversion."""

    def __init__(self, folder: Path, rows: list[SegmentRow]):
        self._folder = folder
        self._rows = rows

    @classmethod
    @contextmanager
    def open(cls, out: Path, job: Job, *, resume: bool, force: bool) -> Iterator["Unfinished"]:
        """Take up the unfinished conversion to `out`, or begin one.

        Raises UsageError if there is one that is not asked for, or another one than `job`. Segments stay when the
        work is interrupted (also by a full disk); nothing stays when it is done or cannot be.
        """
        folder = folder_of(out)
        rows = _taken_up(folder, out, job, resume=resume, force=force)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "job.json", to_json(job))
        work = cls(folder, rows)
        try:
            yield work
        except FaceloomError as error:
            work._leave(keep=isinstance(error, PartlyDone))
            raise
        except BaseException:
            work._leave(keep=True)
            raise
        work._leave(keep=False)

    @property
    def segments(self) -> list[Path]:
        """The whole segments' pictures, in order."""
        return [self._pictures(number) for number in range(len(self._rows))]

    @property
    def frames(self) -> int:
        """How many frames they hold."""
        return sum(row.frames for row in self._rows)

    def state(self) -> AnalysisState | None:
        """What is known after the last of them; None at the very beginning."""
        return read_state(self._state(len(self._rows) - 1)) if self._rows else None

    @property
    def complete(self) -> bool:
        """Whether the last segment was the end of the target."""
        return bool(self._rows) and self._rows[-1].state_sha256 is None

    @contextmanager
    def next_segment(self) -> Iterator[Path]:
        """Yield where to write the next segment's pictures; `commit` then makes it count."""
        with replacing_file(self._pictures(len(self._rows))) as part:
            yield part

    def commit(self, frames: int, state: AnalysisState | None) -> None:
        """Make the segment count that was written last; no state: it is the last one of the target."""
        number = len(self._rows)
        if state:
            write_state(self._state(number), state)
        row = SegmentRow(
            frames=frames,
            pictures_sha256=sha256_of_file(self._pictures(number)),
            state_sha256=sha256_of_file(self._state(number)) if state else None,
        )
        write_text(self._folder / f"{number:06}.json", to_json(row))
        # The one before is not gone back to.
        if number and state:
            self._state(number - 1).unlink(missing_ok=True)
        self._rows.append(row)

    def _pictures(self, number: int) -> Path:
        return self._folder / f"{number:06}.pictures"

    def _state(self, number: int) -> Path:
        return self._folder / f"{number:06}.npz"

    def _leave(self, *, keep: bool) -> None:
        if not (keep and self._rows):
            shutil.rmtree(self._folder, ignore_errors=True)


def folder_of(out: Path) -> Path:
    """Return where an unfinished conversion to `out` lies."""
    return out.resolve().with_name(f".{out.name}.work")


def _taken_up(folder: Path, out: Path, job: Job, *, resume: bool, force: bool) -> list[SegmentRow]:
    """Return the whole segments to go on from; remove what is not gone on from."""
    rows = list(_whole_segments(folder))
    if rows and resume:
        _refuse_another(folder, out, job)
        return rows
    if rows and not force:
        raise UsageError(
            f"{out} was begun before and {sum(row.frames for row in rows)} of its frames are done; "
            "add --resume to go on, or --force to begin anew."
        )
    shutil.rmtree(folder, ignore_errors=True)
    return []


def _refuse_another(folder: Path, out: Path, job: Job) -> None:
    begun = read_document(folder / "job.json", Job, SCHEMA, "unfinished conversion")
    different = [key for key in ("faceloom", "target", "target_size", "target_modified") if _differs(key, begun, job)]
    settings = begun.settings.keys() | job.settings.keys()
    different += sorted(key for key in settings if begun.settings.get(key) != job.settings.get(key))
    if different:
        raise UsageError(
            f"{out} was begun otherwise (other: {', '.join(different)}); repeat that command with --resume, or "
            "--force to begin anew."
        )


def _differs(key: str, begun: Job, job: Job) -> bool:
    return bool(getattr(begun, key) != getattr(job, key))


def _whole_segments(folder: Path) -> Iterator[SegmentRow]:
    """Yield the rows of the first segments whose files are what was written; the rest is written again."""
    number = 0
    while (path := folder / f"{number:06}.json").exists():
        try:
            row = SegmentRow.model_validate_json(path.read_bytes())
        except ValueError:
            return
        if not _is(path.with_suffix(".pictures"), row.pictures_sha256):
            return
        yield row
        number += 1


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of_file(path) == sha256
