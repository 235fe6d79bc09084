"""The job file of `convert --job` (TOML): targets, their options, and sections of them."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import Field, ValidationError

from faceloom.choices import (
    MAX_FOREHEAD,
    MAX_MASK_WIDTH,
    MIN_FOREHEAD,
    ColorTransfer,
    GlassesChoice,
    MaskKind,
    OnMissing,
)
from faceloom.errors import UsageError
from faceloom.json_documents import StrictModel, first_validation_error
from faceloom.safe_read import read_bounded
from faceloom.swap.batch.batch_jobs import ConvertJob, check_distinct_outputs
from faceloom.swap.options import ConvertOptions, Section, SwapOptions
from faceloom.swap.pipeline.swap_request import SwapRequest, parse_map_option
from faceloom.swap.pipeline.swap_source import Assignment
from faceloom.video import FrameRange

# A path in a job file: the system allows no NUL.
_Path = Annotated[str, Field(pattern=r"^[^\x00]+$", max_length=4096)]
# The largest job file in bytes: about ten thousand jobs.
_MAX_BYTES = 2**20
# Selects the bundle's suggestion even if the job or the command line gives another value.
_Auto: TypeAlias = Literal["auto"]
# The options that take "auto" in this meaning.
_SUGGESTED = ("color", "erode", "feather", "sharpen")
# A width in crop sides.
_Width = Annotated[float, Field(ge=0, le=MAX_MASK_WIDTH)]
# A frame's index, or a time such as "4s" or "00:00:04".
_Bound = Annotated[int, Field(strict=True, ge=0, lt=10**15)] | Annotated[str, Field(max_length=40)]
_Options = TypeVar("_Options", bound=SwapOptions)


class SwapEntry(StrictModel):
    """Options of a job or of a section; None: as in the job or on the command line."""

    select: str | None = None
    """As --select."""
    reference: tuple[_Path, ...] | None = None
    """As --reference."""
    exclude: tuple[_Path, ...] | None = None
    """As --exclude."""
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """As --threshold."""
    color: ColorTransfer | _Auto | None = None
    """As --color; "auto" is the bundle's suggestion."""
    mask: MaskKind | None = None
    """As --mask."""
    glasses: GlassesChoice | None = None
    """As --glasses."""
    erode: _Width | _Auto | None = None
    """As --erode; "auto" is the bundle's suggestion."""
    feather: _Width | _Auto | None = None
    """As --feather; "auto" is the bundle's suggestion."""
    forehead: Annotated[float, Field(ge=MIN_FOREHEAD, le=MAX_FOREHEAD)] | None = None
    """As --forehead."""
    sharpen: Annotated[float, Field(ge=0, le=1)] | _Auto | None = None
    """As --sharpen; "auto" matches the target's sharpness."""
    on_missing: OnMissing | None = None
    """As --on-missing."""

    def applied_to(self, options: _Options, folder: Path) -> _Options:
        """Return options with those of this entry.

        Args:
            options: the values of options that this entry leaves out.
            folder: paths of pictures are relative to it.
        """
        given = {name: getattr(self, name) for name in SwapEntry.model_fields}
        changed = {
            name: _value(name, value, folder) for name, value in given.items() if value is not None
        }
        return replace(options, **changed)


class SectionEntry(SwapEntry):
    """A `[[job.section]]`: successive frames of the target with options of their own."""

    first: Annotated[_Bound | None, Field(alias="from")] = None
    """The first frame, or its time; None: the target's start."""
    last: Annotated[_Bound | None, Field(alias="to")] = None
    """The first frame after the section, or its time; None: the target's end."""
    swap: bool = True
    """False leaves the frames as they are."""


class JobEntry(SwapEntry):
    """A `[[job]]` of a job file; options that are left out are those of the command line."""

    target: _Path
    """What is converted."""
    out: _Path
    """The output's name, below the job file's folder."""
    bundle: _Path | None = None
    """As --bundle."""
    map: tuple[_Path, ...] = ()
    """As --map."""
    range: str | None = None
    """As --range."""
    section: Annotated[tuple[SectionEntry, ...], Field(max_length=10_000)] = ()
    """Frames with options of their own; they do not overlap."""


class JobFile(StrictModel):
    """A job file (TOML). Its paths are relative to its folder."""

    schema_number: Annotated[Literal[1], Field(alias="schema")]
    """Version of this format."""
    bundle: _Path | None = None
    """The bundle of the jobs that name none."""
    job: Annotated[tuple[JobEntry, ...], Field(min_length=1)]
    """The jobs."""


def read_job_file(
    path: Path, request: SwapRequest | None, options: ConvertOptions
) -> list[ConvertJob]:
    """Read the jobs of a job file.

    Args:
        path: the file.
        request: the source of jobs for which neither the job nor the file names a bundle.
        options: the options of the command line.

    Returns:
        The jobs in the file's order.

    Raises:
        UsageError: the file is invalid, a job has no bundle, or two outputs have the same name.
    """
    file = _parse_job_file(path)
    jobs = [_to_job(entry, file, path, request, options) for entry in file.job]
    check_distinct_outputs(jobs)
    return jobs


def _parse_job_file(path: Path) -> JobFile:
    try:
        return JobFile.model_validate(tomllib.loads(read_bounded(path, _MAX_BYTES).decode()))
    except ValidationError as error:
        raise UsageError(
            f"{path} is not a valid job file: {first_validation_error(error)}; "
            "see docs/converting.md."
        ) from error
    # ValueError: not UTF-8, not TOML, or a number of thousands of digits.
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read as TOML ({error}); see docs/converting.md for a job file."
        ) from error


def _to_job(
    entry: JobEntry,
    file: JobFile,
    path: Path,
    request: SwapRequest | None,
    options: ConvertOptions,
) -> ConvertJob:
    folder = path.parent
    if not (folder / entry.out).resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"{path}: the output {entry.out} is outside the job file's folder; a job file writes "
            "only below its own folder, so move it up."
        )
    request = _request(entry, file, folder) or request
    if request is None:
        raise UsageError(
            f"{path}: {entry.target} has no bundle; add one to the job, the file or the command."
        )
    job_options = entry.applied_to(options, folder)
    if entry.range:
        job_options = replace(job_options, frame_range=FrameRange.parse(entry.range))
    base = SwapOptions(
        **{each.name: getattr(job_options, each.name) for each in fields(SwapOptions)}
    )
    sections = tuple(
        Section(_section_frames(row, path), row.applied_to(base, folder), row.swap)
        for row in entry.section
    )
    job_options = replace(job_options, sections=sections)
    return ConvertJob(folder / entry.target, folder / entry.out, request, job_options)


def _request(entry: JobEntry, file: JobFile, folder: Path) -> SwapRequest | None:
    """Return the source of the job, else of the file; None if neither names one."""
    bundle = entry.bundle or (None if entry.map else file.bundle)
    if not bundle and not entry.map:
        return None
    assignments = [
        Assignment(folder / reference, folder / name)
        for reference, name in map(parse_map_option, entry.map)
    ]
    return SwapRequest.from_options(
        folder / bundle if bundle else None, assignments, None, paste=False
    )


def _section_frames(entry: SectionEntry, path: Path) -> FrameRange:
    first, last = ("" if bound is None else bound for bound in (entry.first, entry.last))
    try:
        return FrameRange.parse(f"{first}:{last}")
    except UsageError as error:
        raise UsageError(
            f"{path}: a section from {first!r} to {last!r} cannot be used; give both as frame "
            'indices (100), seconds ("4s") or times ("00:00:04"), the end after the start.'
        ) from error


def _value(name: str, value: Any, folder: Path) -> Any:
    """Return a value of an entry as the library's options take it."""
    if value == "auto" and name in _SUGGESTED:
        return None
    return tuple(folder / name for name in value) if isinstance(value, tuple) else value
