"""`project.json`: what a project has decided and which of its steps are complete."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from faceloom.json_documents import StrictModel

SCHEMA: Literal[1] = 1
# Seconds, from 0 to a year.
Seconds = Annotated[float, Field(ge=0, le=3.2e7)]


class StepRecord(StrictModel):
    """The state of one step, by its artifact."""

    key: str
    """Checksum of the command and of everything that it depends on."""
    command: str = ""
    """The command that makes the artifact from nothing, as one writes it in a shell."""
    before: str
    """Signature of the artifact before the step was started; empty if there was none."""
    done: bool = False
    """Whether the command has ended without an error."""
    seconds: Seconds = 0.0
    """How long it ran, all starts together."""
    sentence: str = ""
    """The result for people."""
    result: dict[str, JsonValue] = {}
    """The result that the command printed as JSON."""


class PersonChoice(StrictModel):
    """One of the two people of a swap."""

    name: str
    """Name of the identity."""
    every: Annotated[int, Field(ge=1)]
    """Every how many frames of the footage are used."""
    references: tuple[str, ...] = ()
    """Pictures of the person; empty if nobody else is in the footage."""
    people: Annotated[int, Field(ge=1)] = 1
    """How many people the footage shows."""
    faces: Annotated[int, Field(ge=0)]
    """Estimated number of the person's faces."""


class TrainingChoice(StrictModel):
    """How the network is trained."""

    run: str
    """Name of the run's folder in `runs`."""
    preset: str
    """The preset."""
    steps: Annotated[int, Field(ge=1)]
    """Steps of the whole run."""
    init_from: str = ""
    """Name of the run whose weights it starts from; empty for none."""
    seconds: Seconds
    """Estimated time of the training."""


class SwapChoices(StrictModel):
    """What was decided for one pair of footage; the same settings always give the same steps."""

    guest: PersonChoice
    """Whose face is put in."""
    target: PersonChoice
    """Whose face is replaced."""
    frames: Annotated[int, Field(ge=1)]
    """Frames of the target."""
    megapixels: Annotated[float, Field(gt=0)]
    """Size of a frame of the target, in millions of pixels."""
    training: TrainingChoice
    """The training."""
    minutes: Annotated[float, Field(gt=0)] | None
    """The time that the user gave for the whole; None: as long as the steps take."""
    trained_target: str = ""
    """Name of the face set of the same person whose network is used again; empty if a network is
    trained for this target."""
    slowness: Annotated[float, Field(gt=0)]
    """Estimated duration of the steps without training, relative to the documented machine."""
    spent: Seconds = 0.0
    """How long the project has worked on it."""
    notes: tuple[str, ...] = ()
    """Sentences about what was found in the footage."""


class ChildRecord(StrictModel):
    """The process of the running step."""

    pid: int
    """Its process number."""
    created: float
    """When it was started, in seconds since the epoch, as the operating system says."""


class ProjectFile(StrictModel):
    """`project.json`."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    """Version of the format."""
    faceloom_version: str
    """Version of Faceloom that wrote the file."""
    choices: dict[str, SwapChoices] = {}
    """The decisions, by a checksum of the settings and the footage."""
    face_sets: dict[str, str] = {}
    """Checksum of the footage, by the name of the face set."""
    steps: dict[str, StepRecord] = {}
    """The steps, by the artifact: relative to the project, or absolute outside it."""
    child: ChildRecord | None = None
    """The process of the running step; None if no step is running."""
