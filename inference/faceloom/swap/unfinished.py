"""What is done of a conversion, in a hidden folder beside its output, so that a killed one goes on.

    job.json          what is converted, by what and how
    000000.pictures   a segment's pictures, encoded
    000000.npz        what is known after it (see `state_file`)
    000000.json       written last: the segment is whole

The folder goes when the output stands, and with any error that the same command would meet again.
"""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom import __version__
from faceloom.atomic import replacing_file, write_text
from faceloom.bounded import MOST_OF_A_DOCUMENT, read_bounded, refuse_links
from faceloom.digest import sha256_of_file
from faceloom.documents import Strict, read_document, to_json
from faceloom.errors import ArtefactRefused, FaceloomError, PartlyDone, UsageError
from faceloom.swap.analysis import AnalysisState
from faceloom.swap.cast import Cast
from faceloom.swap.options import SwapOptions
from faceloom.swap.source import FaceSource
from faceloom.swap.state_file import read_state, write_state
from faceloom.swap.swapper import Moment
from faceloom.swap.target import Target
from faceloom.video.output import replaced_by

log = logging.getLogger(__name__)

SCHEMA: Literal[1] = 1
# Of a segment: a year of 60 frames a second.
_MOST_FRAMES = 2_000_000_000


class Job(Strict):
    """`job.json`. settings: everything else that decides the pictures, by name."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    faceloom: str
    target: str
    target_size: int
    target_modified: int
    settings: dict[str, str]


class SegmentRow(Strict):
    """A whole segment: what was done, the checksum of its pictures, and whether it is the target's last one."""

    frames: Annotated[int, Field(ge=1, le=_MOST_FRAMES)]
    swapped: Annotated[int, Field(ge=0, le=_MOST_FRAMES)]
    missing: Annotated[int, Field(ge=0, le=_MOST_FRAMES)]
    pictures_sha256: str
    last: bool


@dataclass(frozen=True, slots=True)
class Done:
    """Frames, those in which a face was swapped, and those in which one was missing."""

    frames: int = 0
    swapped: int = 0
    missing: int = 0

    def __add__(self, other: "Done") -> "Done":
        return Done(self.frames + other.frames, self.swapped + other.swapped, self.missing + other.missing)

    @classmethod
    def of(cls, moments: Sequence[Moment]) -> "Done":
        """Count moments."""
        return cls(len(moments), sum(bool(m.faces) for m in moments), sum(bool(m.lost) for m in moments))


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
        return [self.pictures(number) for number in range(len(self._rows))]

    @property
    def done(self) -> Done:
        """What was done in them."""
        return sum((Done(row.frames, row.swapped, row.missing) for row in self._rows), Done())

    def state(self) -> AnalysisState | None:
        """What is known after the last of them; None at the very beginning and at the end."""
        return read_state(self._state(len(self._rows) - 1)) if self._rows and not self.complete else None

    @property
    def complete(self) -> bool:
        """Whether the last segment was the end of the target."""
        return bool(self._rows) and self._rows[-1].last

    @contextmanager
    def next_segment(self) -> Iterator[Path]:
        """Yield where to write the next segment's pictures; `commit` then makes it count."""
        with replacing_file(self.pictures(len(self._rows))) as part:
            yield part

    def commit(self, done: Done, state: AnalysisState | None) -> None:
        """Make the segment count that was written last; no state: it is the last one of the target."""
        number = len(self._rows)
        if state:
            write_state(self._state(number), state)
        row = SegmentRow(
            frames=done.frames,
            swapped=done.swapped,
            missing=done.missing,
            pictures_sha256=sha256_of_file(self.pictures(number)),
            last=state is None,
        )
        write_text(self._folder / f"{number:06}.json", to_json(row))
        self._rows.append(row)

    def pictures(self, number: int) -> Path:
        """Where the pictures of a segment lie."""
        return self._folder / f"{number:06}.pictures"

    def _state(self, number: int) -> Path:
        return self._folder / f"{number:06}.npz"

    def _leave(self, *, keep: bool) -> None:
        if keep and self._rows:
            log.warning("%d frames are done; the same command with --resume goes on from there.", self.done.frames)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)


def job_of(target: Target, made_by: str, source: FaceSource | Cast, options: SwapOptions) -> Job:
    """Return what an unfinished conversion is known by.

    made_by: names the source. Where the faces are computed counts too: a GPU's numbers are not a processor's.
    """
    stat = target.info.path.stat()
    settings = {field.name: repr(getattr(options, field.name)) for field in fields(options)}
    # Marks are put on what is whole: they decide no picture.
    for name in ("resume", "force", "engine", "provider", "marking"):
        settings.pop(name, None)
    settings |= {"face": made_by, "provider": source.provider, "precision": str(source.precision)}
    return Job(
        faceloom=__version__,
        target=str(target.info.path.resolve()),
        target_size=stat.st_size,
        target_modified=stat.st_mtime_ns,
        settings=settings,
    )


def folder_of(out: Path) -> Path:
    """Return where an unfinished conversion to `out` lies."""
    written = replaced_by(out).resolve()
    return written.with_name(f".{written.name}.work")


def _taken_up(folder: Path, out: Path, job: Job, *, resume: bool, force: bool) -> list[SegmentRow]:
    """Return the whole segments to go on from; remove what is not gone on from."""
    if folder.is_symlink():
        raise UsageError(f"{folder} is a link, and work is not continued where it leads; remove it.")
    refuse_links(folder)
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
            row = SegmentRow.model_validate_json(read_bounded(path, MOST_OF_A_DOCUMENT))
        except (ValueError, ArtefactRefused):
            return
        pictures = path.with_suffix(".pictures")
        if not pictures.is_file() or sha256_of_file(pictures) != row.pictures_sha256:
            return
        yield row
        number += 1
