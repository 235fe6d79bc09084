"""The events of a training run: progress together with the numbers it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faceloom.progress import Progress
from faceloom_train.evaluation.evaluator import EvaluationResult

# The note of the stage "compile", before the first step: seconds on two cores and on a GPU.
COMPILE_NOTE = "compiling the first step, usually 10 to 30 s, up to 70 s for large presets"


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """The outputs of one step."""

    step: int
    """How many batches the run has used, including this one's."""
    losses: Mapping[str, float]
    """The total loss under "loss", and its terms, of this step alone."""
    learning_rate: float
    """The learning rate of the next step."""
    skipped: bool
    """Whether the optimizer left the weights unchanged because a gradient was not finite."""
    completed_at: float
    """When the step ended, in seconds of `time.monotonic`."""


@dataclass(frozen=True, slots=True)
class StepCompleted(Progress):
    """A step was completed; `done` is its number."""

    metrics: StepMetrics = field(kw_only=True)
    """Its outputs."""
    faces_per_second: float | None = None
    """Speed of the last steps, without pauses between them; None at the first step."""
    seconds_left: float | None = None
    """Estimated time to the end, including evaluations and previews; None at the first step."""
    skipped_steps: int = 0
    """How many steps were skipped since the command started."""


@dataclass(frozen=True, slots=True)
class EvaluationCompleted(Progress):
    """The validation faces were evaluated."""

    step: int = 0
    """The step after which they were."""
    results: tuple[EvaluationResult, ...] = ()
    """All results."""


@dataclass(frozen=True, slots=True)
class CheckpointSaved(Progress):
    """The checkpoint of step `done` was written."""


@dataclass(frozen=True, slots=True)
class PreviewWritten(Progress):
    """The preview sheet of step `done` was written."""

    sheet: Path = Path()
    """Its path."""


@dataclass(frozen=True, slots=True)
class TrendChanged(Progress):
    """The trend of the evaluations changed at step `done`; `note` is the advice."""
