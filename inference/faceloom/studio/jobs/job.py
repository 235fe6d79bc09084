"""A job: one `faceloom` command, its state, and what it made."""

import shlex
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from faceloom.json_documents import StrictModel
from faceloom.project.project_file import ChildRecord, Seconds
from faceloom.project.step import OnExisting

SCHEMA: Literal[1] = 1


class JobState(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    """It waits in the queue."""
    RUNNING = "running"
    """Its command runs."""
    DONE = "done"
    """Its command ended without an error."""
    FAILED = "failed"
    """Its command ended with an error."""
    STOPPED = "stopped"
    """The user stopped it; what it has is kept where the command can continue."""


ENDED = (JobState.DONE, JobState.FAILED, JobState.STOPPED)
"""States of a job that neither waits nor runs."""


class JobRequest(StrictModel):
    """What to run."""

    title: Annotated[str, Field(min_length=1, max_length=500)]
    """What it does, for people."""
    arguments: Annotated[tuple[str, ...], Field(min_length=1)]
    """The command line without the program's name, such as ("convert", "clip.mp4", ...)."""
    artifact: str = ""
    """Absolute path of what it makes; empty if it makes nothing that the project lists."""
    on_existing: OnExisting = OnExisting.REPLACE
    """How the command continues when it is started again."""

    @property
    def extracts_faces(self) -> bool:
        """Whether its command makes a face set from footage."""
        return self.arguments[0] == "extract" and self.artifact != ""

    def to_shell(self) -> str:
        """Return the command as one writes it in a shell."""
        return shlex.join(("faceloom", *self.arguments))


class Job(StrictModel):
    """`jobs/NUMBER/job.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    number: Annotated[int, Field(ge=1)]
    """Its number in the project, counted from 1."""
    request: JobRequest
    """What it runs."""
    state: JobState = JobState.WAITING
    """Where it is."""
    starts: Annotated[int, Field(ge=0)] = 0
    """How often its command was started."""
    seconds: Seconds = 0.0
    """How long its command ran, all starts together."""
    processor_seconds: Annotated[float, Field(ge=0)] = 0.0
    """Processor time of its command, all starts together; 0 where the system does not tell it."""
    memory_bytes: Annotated[int, Field(ge=0)] = 0
    """Largest sum of the resident memory of its processes, see `MemoryPeak`."""
    sentence: str = ""
    """The result or the error, for people."""
    exit_code: int | None = None
    """Exit code of the command that failed; None otherwise."""
    result: dict[str, JsonValue] = {}
    """The JSON object that the command printed."""
    child: ChildRecord | None = None
    """The process of its command; None if it does not run."""

    @property
    def has_ended(self) -> bool:
        """Whether the job neither waits nor runs."""
        return self.state in ENDED

    def command(self) -> tuple[str, ...]:
        """Return the arguments of the next start, with what an earlier start makes necessary."""
        resumes = self.starts and self.request.on_existing is OnExisting.RESUME
        return (*self.request.arguments, *(("--resume",) if resumes else ()))
