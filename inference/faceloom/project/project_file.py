"""`project.json`: what a project has decided and which of its steps are complete."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from faceloom.json_documents import StrictModel

SCHEMA: Literal[2] = 2
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


class StepSeconds(StrictModel):
    """Estimated duration of each step without the training, in seconds."""

    extract_guest: Seconds
    """Extraction of the guest's footage."""
    extract_target: Seconds
    """Extraction of the target's footage."""
    review: Seconds
    """Review of both face sets."""
    export: Seconds
    """Export of the network."""
    preview: Seconds
    """Preview of a few frames."""
    convert: Seconds
    """Conversion of the target."""
    compare: Seconds
    """Comparison of the swap with the target."""

    @property
    def total(self) -> float:
        """Seconds of all of them."""
        return float(sum(self.model_dump().values()))


class SwapChoices(StrictModel):
    """What was decided for one pair of footage; the same settings always give the same steps."""

    guest: PersonChoice
    """Whose face is put in."""
    target: PersonChoice
    """Whose face is replaced."""
    frames: Annotated[int, Field(ge=1)]
    """Frames of the target."""
    training: TrainingChoice
    """The training."""
    minutes: Annotated[float, Field(gt=0)] | None
    """The time that the user gave for the whole; None: as long as the steps take."""
    trained_target: str = ""
    """Name of the face set of the same person whose network is used again; empty if a network is
    trained for this target."""
    seconds: StepSeconds
    """Estimated duration of the steps without the training on this machine."""
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

    schema_number: Annotated[Literal[2], Field(alias="schema")] = SCHEMA
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
