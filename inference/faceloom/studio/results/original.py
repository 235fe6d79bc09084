"""Which video a swap was made from.

The job that converted it names the video. If the user chooses another one, `NAME.mp4.studio.json`
beside the swap names it, also when the job has been removed.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom.atomic import write_text
from faceloom.errors import ArtifactRefused, FaceloomError
from faceloom.json_documents import StrictModel, read_document, to_json, utf8_text
from faceloom.studio.jobs.job import Job
from faceloom.swap import ConvertOptions, SwapRequest
from faceloom.swap.batch.job_file import read_job_file

SCHEMA: Literal[1] = 1


class SwapRecord(StrictModel):
    """What the studio knows of a swap."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    original: Annotated[str, Field(min_length=1, max_length=4096)]
    """Absolute path of the video that was swapped."""


def find_original(swap: Path, jobs: Sequence[Job]) -> Path | None:
    """Return the video that a swap was made from.

    Args:
        swap: The swap.
        jobs: The project's jobs.

    Returns:
        The user's choice, or else the target of the newest job that made the swap; None if it is
        unknown or does not exist.
    """
    newest = sorted(jobs, key=lambda job: -job.number)
    found = [_recorded(swap), *(_target(job, swap) for job in newest)]
    return next((path for path in found if path is not None and path.is_file()), None)


def record_original(swap: Path, original: Path) -> None:
    """Remember the video that a swap was made from.

    Args:
        swap: The swap.
        original: The video.
    """
    write_text(_record_path(swap), to_json(SwapRecord(original=utf8_text(str(original)))))


def _record_path(swap: Path) -> Path:
    return swap.with_name(f"{swap.name}.studio.json")


def _recorded(swap: Path) -> Path | None:
    path = _record_path(swap)
    # A record that is older than the swap belongs to an earlier swap of its name.
    if path.is_file() and path.stat().st_mtime_ns >= swap.stat().st_mtime_ns:
        # A damaged record counts as none: the user chooses again.
        with suppress(ArtifactRefused):
            return Path(read_document(path, SwapRecord, SCHEMA, "record of a swap").original)
    return None


def _target(job: Job, swap: Path) -> Path | None:
    """Return the target of a conversion that writes the swap."""
    arguments = job.request.arguments
    is_conversion = len(arguments) > 1 and arguments[0] == "convert"
    if not is_conversion or job.request.artifact != str(swap):
        return None
    if arguments[1] == "--job" and len(arguments) > 2:
        return _target_in(Path(arguments[2]), swap)
    return None if arguments[1].startswith("-") else Path(arguments[1])


def _target_in(job_file: Path, swap: Path) -> Path | None:
    """Return the target that a job file converts to the swap; None if it cannot be read."""
    with suppress(FaceloomError):
        # The bundle does not matter here, and the command line names it.
        for job in read_job_file(job_file, SwapRequest(bundle=job_file), ConvertOptions()):
            if job.out.resolve() == swap.resolve():
                return job.target
    return None
