"""Convert several targets: a failed one is reported and the others continue."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path
from typing import Annotated, Literal

import av
from pydantic import Field

from faceloom.artifact_kind import Purpose, check_kind, check_no_address
from faceloom.atomic import check_output_file, friendly_os_error, write_text
from faceloom.errors import (
    ArtifactRefused,
    FaceloomError,
    MediaUnreadable,
    ProviderMissing,
    UsageError,
)
from faceloom.image_io import PICTURE_EXTENSIONS
from faceloom.json_documents import StrictModel, to_json
from faceloom.output_lock import while_locked
from faceloom.progress import ProgressGenerator
from faceloom.safe_read import MAX_DOCUMENT_BYTES, read_bounded
from faceloom.swap.option_timeline import resolve_sections
from faceloom.swap.options import ConvertOptions
from faceloom.swap.pipeline.convert import ConvertSummary, convert_request
from faceloom.swap.pipeline.resume_key import resume_folder
from faceloom.swap.pipeline.resume_store import remove_finished_store
from faceloom.swap.pipeline.swap_request import SwapRequest
from faceloom.video import probe_source
from faceloom.video.ffmpeg_errors import read_error
from faceloom.video.folder import passed_over_sentence, sort_folder
from faceloom.video.image_sequence import list_images
from faceloom.video.output import CONTAINERS, OUTPUT_IMAGE_EXTENSIONS, final_path
from faceloom.video.source import VIDEO_EXTENSIONS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ConvertJob:
    """The conversion of one target."""

    target: Path
    """What is converted."""
    out: Path
    """The output's name."""
    request: SwapRequest
    """Whose face is put in."""
    options: ConvertOptions
    """How it is converted."""


class JobResult(StrictModel):
    """How the conversion of one target ended."""

    target: str
    """The target's path."""
    out: str
    """The output's path."""
    state: Literal["done", "skipped", "failed"]
    """"skipped": with --resume, the output existed already."""
    exit_code: int = 0
    """The exit code of the error; 0 without one."""
    message: str = ""
    """The error's message."""
    frames: int | None = None
    """Frames of the output; this and the next fields are only given for "done"."""
    swapped_frames: int | None = None
    """Frames in which a face was swapped."""
    missing_frames: int | None = None
    """Frames in which a face was lost."""
    occluded_frames: int | None = None
    """Frames in which something stands before a swapped face; None if faces were not parsed."""
    seconds: float | None = None
    """How long the conversion took."""
    notices: tuple[str, ...] = ()
    """What differs from the target besides the faces, a sentence each."""
    marks: tuple[str, ...] = ()
    """The formats of the marks that were written, such as "XMP"."""
    mark_limitations: tuple[str, ...] = ()
    """Why other formats were not written, a sentence each."""


class BatchReport(StrictModel):
    """`report.json` of the conversion of several targets."""

    schema_number: Annotated[Literal[2], Field(alias="schema")] = 2
    """Version of this format."""
    jobs: tuple[JobResult, ...]
    """The results so far, in order."""

    @property
    def failed(self) -> tuple[JobResult, ...]:
        """The results with an error."""
        return tuple(row for row in self.jobs if row.state == "failed")


def find_targets(paths: Sequence[Path]) -> list[Path]:
    """Expand patterns and folders of videos; a folder of pictures alone is one target.

    Args:
        paths: files, folders and patterns.

    Returns:
        The targets in a fixed order.

    Raises:
        UsageError: a pattern or folder contains no target.
    """
    return [target for path in paths for target in _expand(path)]


def plan_jobs(
    targets: Sequence[Path], out: Path, request: SwapRequest, options: ConvertOptions
) -> list[ConvertJob]:
    """Make a job for each target, written to one folder under the target's name.

    Args:
        targets: the targets.
        out: the folder.
        request: whose face is put in.
        options: how to convert.

    Returns:
        The jobs in the same order.

    Raises:
        UsageError: `out` is a file name, or two outputs have the same name.
    """
    if out.suffix and not out.is_dir():
        raise UsageError(
            f"--out {out} is one file and there are {len(targets)} targets; name a folder."
        )
    jobs = [ConvertJob(target, out / _output_name(target), request, options) for target in targets]
    check_distinct_outputs(jobs)
    return jobs


def check_report(report: Path, jobs: Sequence[ConvertJob], *, force: bool) -> None:
    """Check, before the work, that a report can be written; an older report is replaced.

    Args:
        report: where it is written.
        jobs: what is converted; their targets and outputs are never replaced by it.
        force: replace a file that is not a report.

    Raises:
        UsageError: the report cannot be written there.
    """
    check_output_file(report, force=True, inputs=[job.target for job in jobs])
    if any(report.resolve() == final_path(job.out).resolve() for job in jobs):
        raise UsageError(f"{report} is an output; choose another name for the report.")
    try:
        BatchReport.model_validate_json(read_bounded(report, MAX_DOCUMENT_BYTES))
    except (ArtifactRefused, ValueError) as error:
        if not force:
            raise UsageError(
                f"{report} exists and is not a report of conversions; choose another name, or "
                "pass --force to replace it."
            ) from error
    except FileNotFoundError:
        return


def convert_jobs(jobs: Sequence[ConvertJob], report: Path) -> ProgressGenerator[BatchReport]:
    """Convert one target after the other and write the report after each.

    "auto" chooses the provider of a source once, for the first target, and anew where that
    provider does not start again.

    Args:
        jobs: what is converted.
        report: where the report is written.

    Returns:
        The report.

    Raises:
        UsageError: both `force` and `resume` are set: old outputs would count as new ones; or the
            sections of a job overlap or are not in its target.
    """
    return while_locked(report, _convert_jobs(jobs, report))


def _convert_jobs(jobs: Sequence[ConvertJob], report: Path) -> ProgressGenerator[BatchReport]:
    if any(job.options.force and job.options.resume for job in jobs):
        raise UsageError(
            "With several targets --resume keeps existing outputs and --force replaces them; "
            "leave one out."
        )
    for job in jobs:
        _check_sections(job)
    result = BatchReport(jobs=())
    providers: dict[SwapRequest, str] = {}
    for number, job in enumerate(jobs, 1):
        row = yield from _convert(job, providers, f"{number}/{len(jobs)} {job.target.name}")
        result = BatchReport(jobs=(*result.jobs, row))
        write_text(report, to_json(result))
    return result


def _check_sections(job: ConvertJob) -> None:
    """Check the sections of a job; a target that cannot be read fails later, on its own."""
    if not job.options.sections:
        return
    try:
        info = probe_source(job.target)
    except FaceloomError:
        return
    with suppress(MediaUnreadable):
        resolve_sections(job.options.sections, info)


def _convert(
    job: ConvertJob, providers: dict[SwapRequest, str], stage: str
) -> ProgressGenerator[JobResult]:
    """Convert one target; `providers` has the provider of each request that ran."""
    options = job.options
    try:
        if options.resume and resume_folder(job.out).exists():
            remove_finished_store(job.out)
        is_resumed = options.resume and resume_folder(job.out).exists()
        if options.resume and final_path(job.out).exists() and not is_resumed:
            return JobResult(target=str(job.target), out=str(job.out), state="skipped")
        if options.provider == "auto" and not is_resumed:
            options = replace(options, provider=providers.get(job.request, "auto"))
        summary = yield from _convert_or_choose_anew(job, options, providers, stage)
    except FaceloomError as error:
        return _failed(job, error)
    except OSError as error:
        return _failed(job, friendly_os_error(error, job.out))
    except av.FFmpegError as error:
        return _failed(job, read_error(error, job.target))
    providers.setdefault(job.request, summary.provider)
    return JobResult(
        target=str(job.target),
        out=str(job.out),
        state="done",
        frames=summary.frames,
        swapped_frames=summary.swapped_frames,
        missing_frames=summary.missing_frames,
        occluded_frames=summary.occlusion.frames if summary.occlusion else None,
        seconds=round(summary.seconds, 3),
        notices=summary.notices,
        marks=summary.marks.formats,
        mark_limitations=summary.marks.limitations,
    )


def _convert_or_choose_anew(
    job: ConvertJob, options: ConvertOptions, providers: dict[SwapRequest, str], stage: str
) -> ProgressGenerator[ConvertSummary]:
    """Convert with options; choose another provider if the remembered one is missing."""
    try:
        return (yield from _with_stage(_work(job, options), stage))
    except ProviderMissing:
        if options.provider == job.options.provider:
            raise
    del providers[job.request]
    return (yield from _with_stage(_work(job, job.options), stage))


def _work(job: ConvertJob, options: ConvertOptions) -> ProgressGenerator[ConvertSummary]:
    return convert_request(job.target, job.request, job.out, options)


def _failed(job: ConvertJob, error: FaceloomError) -> JobResult:
    target, out, message = str(job.target), str(job.out), str(error)
    code = error.exit_code
    return JobResult(target=target, out=out, state="failed", exit_code=code, message=message)


def _with_stage(
    work: ProgressGenerator[ConvertSummary], stage: str
) -> ProgressGenerator[ConvertSummary]:
    """Run the work and report its progress under another stage's name."""
    try:
        while True:
            yield replace(next(work), stage=stage)
    except StopIteration as end:
        summary: ConvertSummary = end.value
        return summary
    finally:
        work.close()


def _expand(path: Path) -> Iterator[Path]:
    check_no_address(path)
    if has_magic(str(path)) and not path.exists():
        # Path.glob takes no absolute pattern.
        targets = sorted(map(Path, glob(str(path), recursive=True)))  # noqa: PTH207
    elif path.is_dir():
        targets, others = sort_folder(path, VIDEO_EXTENSIONS, "a video")
        if not targets and list_images(path):
            targets = [path]
        elif targets and others:
            total = len(targets) + len(others)
            log.warning("%s: %s", path, passed_over_sentence(others, total))
    else:
        targets = [path]
    if not targets:
        check_kind(path, Purpose.TARGET)
        raise UsageError(f"{path} contains no video and no picture; check the path.")
    yield from targets


def _output_name(target: Path) -> str:
    """Keep a target's name; a video of another container becomes Matroska, a picture PNG."""
    suffix = target.suffix.lower()
    if (
        target.is_dir()
        or suffix in CONTAINERS
        or suffix == ".gif"
        or suffix in OUTPUT_IMAGE_EXTENSIONS
    ):
        return target.name
    return f"{target.stem}.png" if suffix in PICTURE_EXTENSIONS else f"{target.stem}.mkv"


def check_distinct_outputs(jobs: Sequence[ConvertJob]) -> None:
    """Check that no two jobs write to one path.

    Args:
        jobs: the jobs.

    Raises:
        UsageError: two of them do.
    """
    targets: dict[Path, Path] = {}
    for job in jobs:
        first = targets.setdefault(final_path(job.out).resolve(), job.target)
        if first is not job.target:
            raise UsageError(
                f"{first} and {job.target} would both be written to {job.out}; "
                "convert them separately."
            )
