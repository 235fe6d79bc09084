"""What is done of a conversion, in a hidden folder beside its output, so that a killed one goes on.

    job.json          what is converted, by what and how
    000000.pictures   a segment's pictures, encoded
    000000.npz        what is known after it (see `state_file`)
    000000.json       written last: the segment is whole

The folder goes when the output stands, or when the target is refused. One process at a time works in it.
"""

import fcntl
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from pydantic import Field

from faceloom import __version__
from faceloom.atomic import replacing_file, said_plainly, write_text
from faceloom.errors import ArtifactRefused, ContentRefused, NoFaceFound, UsageError
from faceloom.hashing import sha256_of, sha256_of_file
from faceloom.json_documents import Strict, read_document, to_json
from faceloom.provenance.content_check import can_check
from faceloom.safe_read import MOST_OF_A_DOCUMENT, read_bounded, refuse_links
from faceloom.swap.options import SwapOptions
from faceloom.swap.pipeline.analysis import AnalysisState
from faceloom.swap.pipeline.analysis_state_io import read_state, write_state
from faceloom.swap.pipeline.frame_swapper import Moment
from faceloom.swap.pipeline.target import Target
from faceloom.swap.sources.face_source import FaceSource
from faceloom.swap.sources.identity_map import Cast
from faceloom.video.image_sequence import list_pictures
from faceloom.video.output import STANDARD, replaced_by

log = logging.getLogger(__name__)

SCHEMA: Literal[1] = 1
_JOB, _LOCK = "job.json", "lock"
# Of a segment: a year of 60 frames a second.
_MOST_FRAMES = 2_000_000_000


class Job(Strict):
    """`job.json`. settings: everything else that decides the pictures, by name."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    faceloom: str
    target: str
    target_stamp: str
    settings: dict[str, str]


class SegmentRow(Strict):
    """A whole segment: what was done, and the checksums of its files; the target's last one has no state."""

    frames: Annotated[int, Field(ge=1, le=_MOST_FRAMES)]
    swapped: Annotated[int, Field(ge=0, le=_MOST_FRAMES)]
    missing: Annotated[int, Field(ge=0, le=_MOST_FRAMES)]
    pictures_sha256: str
    state_sha256: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """Frames, those in which a face was swapped, and those in which one was missing."""

    frames: int = 0
    swapped: int = 0
    missing: int = 0

    def __add__(self, other: "Done") -> "Done":
        return Done(
            self.frames + other.frames, self.swapped + other.swapped, self.missing + other.missing
        )

    @classmethod
    def of(cls, moments: Sequence[Moment]) -> "Done":
        """Count moments."""
        return cls(
            len(moments), sum(bool(m.faces) for m in moments), sum(bool(m.lost) for m in moments)
        )


class Unfinished:
    """The folder of one conversion."""

    def __init__(self, folder: Path, rows: list[SegmentRow]):
        self._folder = folder
        self._rows = rows

    @classmethod
    @contextmanager
    def open(
        cls, out: Path, job: Job, *, resume: bool, force: bool, resumable: bool = True
    ) -> Iterator["Unfinished"]:
        """Take up the unfinished conversion to `out`, or begin one, which is left for another process if `resumable`.

        Raises UsageError if there is one that is not asked for, another one than `job`, or a process that is at it.
        Whole segments stay when the work ends before its end, whatever the reason; only where the target itself is
        refused (no face, its content) going on would be no use.
        """
        if out == STANDARD:
            # Two pipelines in one folder have nothing to do with each other.
            with TemporaryDirectory() as folder:
                yield cls(Path(folder), [])
            return
        with _locked(folder_of(out), out) as folder:
            rows = _taken_up(folder, out, job, resume=resume, force=force)
            write_text(folder / _JOB, to_json(job))
            work = cls(folder, rows)
            try:
                yield work
            except (NoFaceFound, ContentRefused):
                work._leave(keep=False)
                raise
            except BaseException:
                work._leave(keep=resumable)
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
        return (
            read_state(self._state(len(self._rows) - 1))
            if self._rows and not self.complete
            else None
        )

    @property
    def complete(self) -> bool:
        """Whether the last segment was the end of the target."""
        return bool(self._rows) and self._rows[-1].state_sha256 is None

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
            state_sha256=sha256_of_file(self._state(number)) if state else None,
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
            log.warning(
                "%d frames are done; the same command with --resume goes on from there.",
                self.done.frames,
            )
        else:
            shutil.rmtree(self._folder, ignore_errors=True)


def job_of(target: Target, made_by: str, source: FaceSource | Cast, options: SwapOptions) -> Job:
    """Return what an unfinished conversion is known by.

    made_by: names the source. Where the faces are computed counts too: a GPU's numbers are not a processor's.
    """
    settings = {field.name: repr(getattr(options, field.name)) for field in fields(options)}
    # Marks are put on what is whole: they decide no picture.
    for name in ("resume", "resumable", "force", "engine", "provider", "marking"):
        settings.pop(name, None)
    settings |= {"face": made_by, "provider": source.provider, "precision": str(source.precision)}
    # Whose pictures they are, not what they are called. And what was not looked at before is not called looked at.
    settings |= {
        name: " ".join(map(_digest, getattr(options, name))) for name in ("reference", "exclude")
    }
    settings["content_check"] = str(can_check())
    return Job(
        faceloom=__version__,
        target=str(target.info.path.resolve()),
        target_stamp=_stamp(target.info.path),
        settings=settings,
    )


def batch_begun(out: Path) -> int | None:
    """Return the batch of the unfinished conversion to `out`, if there is one: it decides the last bits of faces."""
    try:
        settings = read_document(
            folder_of(out) / _JOB, Job, SCHEMA, "unfinished conversion"
        ).settings
        return int(settings.get("batch", ""))
    except (ArtifactRefused, ValueError):
        return None


def folder_of(out: Path) -> Path:
    """Return where an unfinished conversion to `out` lies."""
    written = replaced_by(out).resolve()
    return written.with_name(f".{written.name}.work")


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
    for file in folder.iterdir():
        if file.is_dir():
            shutil.rmtree(file)
        elif file.name != _LOCK:
            file.unlink()
    return []


def _refuse_another(folder: Path, out: Path, job: Job) -> None:
    begun = read_document(folder / _JOB, Job, SCHEMA, "unfinished conversion")
    different = [key for key in ("faceloom", "target", "target_stamp") if _differs(key, begun, job)]
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
        except (ValueError, ArtifactRefused):
            return
        if not _is(path.with_suffix(".pictures"), row.pictures_sha256):
            return
        if row.state_sha256 and not _is(path.with_suffix(".npz"), row.state_sha256):
            return
        yield row
        number += 1


def _digest(path: Path) -> str:
    """Whether it is there is for others to say."""
    return sha256_of_file(path) if path.is_file() else "gone"


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of_file(path) == sha256


def _stamp(path: Path) -> str:
    """Return what changes with the target: names, sizes and times of its file, or of a folder's pictures."""
    stats = [(file.name, file.stat()) for file in list_pictures(path)]
    return sha256_of(
        repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]).encode()
    )


@contextmanager
def _locked(folder: Path, out: Path) -> Iterator[Path]:
    """Make the folder this process's own while it works."""
    if folder.is_symlink():
        raise UsageError(
            f"{folder} is a link, and work is not continued where it leads; remove it."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refuse_links(folder)
        lock = (folder / _LOCK).open("a")
    except OSError as error:
        raise said_plainly(error, out) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"{out} is being written by another process; wait for it, or choose another name."
            ) from error
        yield folder
