"""Convert many targets: one that fails is reported, and the others go on."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path
from typing import Annotated, Literal

import av
from pydantic import Field, ValidationError

from faceloom.atomic import refuse_file, said_plainly, write_text
from faceloom.errors import ArtifactRefused, FaceloomError, MediaUnreadable, UsageError
from faceloom.image_io import PICTURES
from faceloom.json_documents import Strict, first_problem, to_json
from faceloom.progress import ProgressGenerator
from faceloom.safe_read import MOST_OF_A_DOCUMENT, read_bounded
from faceloom.swap.pipeline.convert import ConvertOptions, ConvertSummary
from faceloom.swap.pipeline.resume_store import folder_of
from faceloom.swap.pipeline.swap_request import Wanted, worn_of
from faceloom.video import FrameRange
from faceloom.video.output import CONTAINERS, STILLS, replaced_by
from faceloom.video.source import VIDEOS

# What may be a path: the system knows none with a NUL in it.
_Name = Annotated[str, Field(pattern=r"^[^\x00]+$", max_length=4096)]
# Of a job file: some ten thousand jobs.
_MOST_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Job:
    """One target on its way."""

    target: Path
    out: Path
    wanted: Wanted
    options: ConvertOptions


class JobRow(Strict):
    """How one target ended. kept: its output was there already and the work goes on (--resume).

    code and message are those of the error, if there was one.
    """

    target: str
    out: str
    state: Literal["done", "kept", "failed"]
    code: int = 0
    message: str = ""
    frames: int | None = None
    swapped_frames: int | None = None
    missing_frames: int | None = None
    seconds: float | None = None
    notices: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    not_marked: tuple[str, ...] = ()


class JobsReport(Strict):
    """`report.json` of a conversion of several targets."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = 1
    jobs: tuple[JobRow, ...]

    @property
    def failed(self) -> tuple[JobRow, ...]:
        """Those that failed."""
        return tuple(row for row in self.jobs if row.state == "failed")


class JobLine(Strict):
    """A target of a job file; what is left out is as for all."""

    target: _Name
    out: _Name
    bundle: _Name | None = None
    map: tuple[_Name, ...] = ()
    range: str | None = None
    select: str | None = None
    reference: tuple[_Name, ...] = ()
    exclude: tuple[_Name, ...] = ()


class JobFile(Strict):
    """A job file, TOML. Its paths begin where it lies. `bundle` is for the jobs that name none."""

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    bundle: _Name | None = None
    job: Annotated[tuple[JobLine, ...], Field(min_length=1)]


def targets_of(paths: Sequence[Path]) -> list[Path]:
    """Return every target among paths, patterns and folders of videos, in a fixed order.

    A folder of pictures alone is one target. Raises UsageError for a pattern or folder that holds none.
    """
    return [target for path in paths for target in _targets_of(path)]


def plan_jobs(
    targets: Sequence[Path], out: Path, wanted: Wanted, options: ConvertOptions
) -> list[Job]:
    """Return a job for each target, written to the folder `out` under its own name.

    Raises UsageError if two would have the same name.
    """
    if out.suffix and not out.is_dir():
        raise UsageError(f"{out} is one file and there are {len(targets)} targets; name a folder.")
    jobs = [Job(target, out / _name_of(target), wanted, options) for target in targets]
    _refuse_same_names(jobs)
    return jobs


def read_jobs(path: Path, wanted: Wanted | None, options: ConvertOptions) -> list[Job]:
    """Return the jobs of a job file. wanted: whose face is worn where neither the job nor the file says.

    Raises UsageError if the file is none, or a job has no bundle.
    """
    file = _read_file(path)
    jobs = [_job_of(line, file, path, wanted, options) for line in file.job]
    _refuse_same_names(jobs)
    return jobs


def refuse_report(report: Path, jobs: Sequence[Job], *, force: bool) -> None:
    """Raise UsageError if a report cannot or may not be written: a report is replaced, anything else only by force.

    A target, and what is made of it, never is. Called before the work.
    """
    refuse_file(report, force=True, inputs=[job.target for job in jobs])
    if any(report.resolve() == replaced_by(job.out).resolve() for job in jobs):
        raise UsageError(f"{report} is an output; name another file for the report.")
    try:
        JobsReport.model_validate_json(read_bounded(report, MOST_OF_A_DOCUMENT))
    except (ArtifactRefused, ValueError) as error:
        if not force:
            raise UsageError(
                f"{report} is no report of conversions; name another, or pass --force."
            ) from error
    except FileNotFoundError:
        return


def convert_jobs(jobs: Sequence[Job], report: Path) -> ProgressGenerator[JobsReport]:
    """Convert one target after the other; an error of one ends it alone. The report is written after each.

    Raises UsageError if outputs are to be replaced and gone on with at once: old ones would pass for new ones.
    """
    if any(job.options.force and job.options.resume for job in jobs):
        raise UsageError(
            "Of several targets --resume keeps what is there and --force replaces it; leave one out."
        )
    done = JobsReport(jobs=())
    for number, job in enumerate(jobs, 1):
        row = yield from _convert(job, f"{number}/{len(jobs)} {job.target.name}")
        done = JobsReport(jobs=(*done.jobs, row))
        write_text(report, to_json(done))
    return done


def _convert(job: Job, stage: str) -> ProgressGenerator[JobRow]:
    target, out = str(job.target), str(job.out)
    if job.options.resume and replaced_by(job.out).exists() and not folder_of(job.out).exists():
        return JobRow(target=target, out=out, state="kept")
    work = job.wanted.convert(job.target, job.out, job.options)
    try:
        summary = yield from _staged(work, stage)
    except FaceloomError as error:
        return JobRow(
            target=target, out=out, state="failed", code=error.exit_code, message=str(error)
        )
    except (OSError, av.FFmpegError) as error:
        plain = (
            said_plainly(error, job.out)
            if isinstance(error, OSError)
            else MediaUnreadable(f"{target}: {error}.")
        )
        return JobRow(
            target=target, out=out, state="failed", code=plain.exit_code, message=str(plain)
        )
    return JobRow(
        target=target,
        out=out,
        state="done",
        frames=summary.frames,
        swapped_frames=summary.swapped_frames,
        missing_frames=summary.missing_frames,
        seconds=round(summary.seconds, 3),
        notices=summary.notices,
        marked=summary.marked.written,
        not_marked=summary.marked.missing,
    )


def _staged(
    work: ProgressGenerator[ConvertSummary], stage: str
) -> ProgressGenerator[ConvertSummary]:
    """Do the work under another name of its stage."""
    try:
        while True:
            yield replace(next(work), stage=stage)
    except StopIteration as end:
        summary: ConvertSummary = end.value
        return summary
    finally:
        work.close()


def _targets_of(path: Path) -> Iterator[Path]:
    if has_magic(str(path)) and not path.exists():
        found = sorted(map(Path, glob(str(path), recursive=True)))  # noqa: PTH207  it may begin at the root
    elif path.is_dir():
        files = sorted(path.iterdir())
        found = [file for file in files if file.suffix.lower() in VIDEOS]
        if not found and any(file.suffix.lower() in PICTURES for file in files):
            found = [path]
    else:
        found = [path]
    if not found:
        raise UsageError(f"{path} holds no video and no picture; check the path.")
    yield from found


def _name_of(target: Path) -> str:
    """A video of a kind that we do not write becomes Matroska, which holds everything, and a picture PNG."""
    suffix = target.suffix.lower()
    if target.is_dir() or suffix in CONTAINERS or suffix == ".gif" or suffix in STILLS:
        return target.name
    return f"{target.stem}.png" if suffix in PICTURES else f"{target.stem}.mkv"


def _refuse_same_names(jobs: Sequence[Job]) -> None:
    seen: dict[Path, Path] = {}
    for job in jobs:
        first = seen.setdefault(replaced_by(job.out).resolve(), job.target)
        if first is not job.target:
            raise UsageError(
                f"{first} and {job.target} would both be written to {job.out}; convert them apart."
            )


def _read_file(path: Path) -> JobFile:
    try:
        return JobFile.model_validate(tomllib.loads(read_bounded(path, _MOST_BYTES).decode()))
    except ValidationError as error:
        raise UsageError(
            f"{path} is no job file: {first_problem(error)}; see docs/converting.md."
        ) from error
    # ValueError: no UTF-8, no TOML, or a number of thousands of digits.
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read as TOML ({error}); see docs/converting.md for a job file."
        ) from error


def _job_of(
    line: JobLine, file: JobFile, path: Path, wanted: Wanted | None, options: ConvertOptions
) -> Job:
    here = path.parent
    if not (here / line.out).resolve().is_relative_to(here.resolve()):
        raise UsageError(
            f"{path}: {line.out} lies outside of the job file's folder, and a job file writes nowhere else; "
            "put the job file above what it writes."
        )
    bundle = line.bundle or (None if line.map else file.bundle)
    if bundle or line.map:
        worn = tuple((here / reference, here / worn) for reference, worn in map(worn_of, line.map))
        wanted = Wanted.of(here / bundle if bundle else None, worn, None, paste=False)
    if wanted is None:
        raise UsageError(
            f"{path}: {line.target} has no bundle; add one to the job, the file or the command."
        )
    chosen = replace(
        options,
        stretch=FrameRange.parse(line.range) if line.range else options.stretch,
        select=line.select or options.select,
        reference=tuple(here / name for name in line.reference) or options.reference,
        exclude=tuple(here / name for name in line.exclude) or options.exclude,
    )
    return Job(here / line.target, here / line.out, wanted, chosen)
