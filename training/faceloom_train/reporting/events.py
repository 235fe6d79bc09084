"""What a run tells while it trains, for whoever shows it: progress with the figures behind its words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faceloom.progress import Progress
from faceloom_train.evaluation.evaluator import Judgement


@dataclass(frozen=True, slots=True)
class Stepped(Progress):
    """A step was made. values: the loss and its parts. rate: the learning rate.

    faces_per_second: of the last steps alone. seconds_left: with all that is done between steps. Both are None
    at the first step. skipped: how many steps of this session were no number.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    rate: float = 0.0
    faces_per_second: float | None = None
    seconds_left: float | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Judged(Progress):
    """The held-out faces were judged, after step `step`."""

    step: int = 0
    judgments: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved(Progress):
    """A checkpoint was written, of step `done`."""


@dataclass(frozen=True, slots=True)
class Drawn(Progress):
    """A preview sheet was drawn, of step `done`."""

    sheet: Path = Path()


@dataclass(frozen=True, slots=True)
class Advised(Progress):
    """It became known, at step `done`, whether more steps help; the note says it."""
