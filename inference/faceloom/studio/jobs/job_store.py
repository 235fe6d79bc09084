"""The jobs of a project on disk.

jobs/order.json        numbers of jobs in the order of the queue; jobs that it lacks come last
jobs/NUMBER/job.json   a job
jobs/NUMBER/log.txt    what its command printed
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom.atomic import explain_os_errors, write_text
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom.studio.jobs.job import SCHEMA, Job

_ORDER_SCHEMA: Literal[1] = 1
_ORDER_FILE = "order.json"
_JOB_FILE = "job.json"


class JobOrder(StrictModel):
    """`jobs/order.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = _ORDER_SCHEMA
    """Version of the format."""
    numbers: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """The jobs, the first to run first."""


class JobStore:
    """Reads and writes the jobs of a folder."""

    def __init__(self, folder: Path):
        self._folder = folder

    def read(self) -> list[Job]:
        """Read all jobs in the order of the queue; those that `order.json` lacks come last.

        Raises:
            ArtifactRefused: A file is damaged or has another schema.
        """
        path = self._folder / _ORDER_FILE
        listed: tuple[int, ...] = ()
        if path.is_file():
            listed = read_document(path, JobOrder, _ORDER_SCHEMA, "order of jobs").numbers
        numbers = sorted(
            int(file.parent.name)
            for file in self._folder.glob(f"*/{_JOB_FILE}")
            if file.parent.name.isdecimal()
        )
        # Dictionaries keep the order and find a number in constant time.
        existing = dict.fromkeys(numbers)
        order = dict.fromkeys(listed) | existing
        return [
            read_document(self._folder / str(number) / _JOB_FILE, Job, SCHEMA, "job")
            for number in order
            if number in existing
        ]

    def write_job(self, job: Job) -> None:
        """Write a job.

        Args:
            job: The job.
        """
        write_text(self._folder / str(job.number) / _JOB_FILE, to_json(job))

    def write_order(self, numbers: Iterable[int]) -> None:
        """Write the order of the queue.

        Args:
            numbers: The jobs' numbers.
        """
        write_text(self._folder / _ORDER_FILE, to_json(JobOrder(numbers=tuple(numbers))))

    def remove(self, number: int) -> None:
        """Delete a job with its log.

        Args:
            number: Its number.

        Raises:
            UsageError: A file cannot be removed; the job stays.
        """
        folder = self._folder / str(number)
        with explain_os_errors(folder):
            # The log first: a later job with this number must not show it.
            self.log_path(number).unlink(missing_ok=True)
            (folder / _JOB_FILE).unlink()
        shutil.rmtree(folder, ignore_errors=True)

    def log_path(self, number: int) -> Path:
        """Return the path of a job's log.

        Args:
            number: The job's number.
        """
        return self._folder / str(number) / "log.txt"
