"""The state of a running plan: what each step gave, and how long the rest takes."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from faceloom.progress import Progress
from faceloom.project.plan import SwapPlan
from faceloom.project.project_folder import Project
from faceloom.project.step import Step

# Seconds that a command with a deadline needs besides: to start before, and to save after it.
DEADLINE_MARGIN = 20.0
# Limits of how the durations of the finished steps correct the estimates of the others.
_CORRECTION = (0.5, 4.0)
# Seconds of finished steps from which they correct the estimates.
_CORRECTION_SECONDS = 4.0
# The stage that takes most of a command's time and whose rate is measured, by command.
_MEASURED_STAGES = {"train": "train", "convert": "convert", "compare": "compare"}
# Units of a stage after which its rate counts.
_MEASURED_UNITS = 20
# Share of its estimate that a running step still needs at least, whatever it has taken.
_LEAST_SHARE = 0.1

StepState = Literal["waiting", "running", "done", "kept", "failed"]


@dataclass(frozen=True, slots=True)
class StepStatus:
    """What is known of a step."""

    title: str
    """What it does."""
    command: str
    """Its command, as one writes it in a shell."""
    state: StepState
    """"kept": its result of an earlier time is used again."""
    seconds: float
    """How long it has run."""
    sentence: str
    """Its result for people; empty before its end."""


@dataclass(frozen=True, slots=True)
class SwapProgress(Progress):
    """The state of a plan; `stage`, `done`, `total` and `note` are those of the running step."""

    steps: tuple[StepStatus, ...] = ()
    """All steps."""
    seconds_left: float = 0.0
    """Estimated time to the end of the plan."""
    share: float = 0.0
    """Share of the plan's time that is over, 0 to 1."""
    picture: Path | None = None
    """The newest picture to look at; None before the first one."""
    time_note: str = ""
    """What is different from the plan of the time; empty for nothing."""
    ended_step: dict[str, Any] | None = None
    """Result of a step that has just ended, or was kept, with its title and command."""


@dataclass
class RunState:
    """The changing state of a running plan."""

    project: Project
    """The project."""
    plan: SwapPlan
    """The plan."""
    states: list[StepState]
    """State of each step, in their order."""
    started: float = field(default_factory=time.monotonic)
    """When this command started, in seconds of `time.monotonic`."""
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the ended steps printed as JSON, by title."""
    sentences: dict[str, str] = field(default_factory=dict)
    """The results for people, by title."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long the steps have run, by title."""
    limits: dict[str, float] = field(default_factory=dict)
    """Seconds after which a step with a deadline ends, by title."""
    first_progress: tuple[str, int, float] | None = None
    """Stage, done and time of the running stage's first progress, to measure its rate."""
    is_adapted: bool = False
    """Whether the training's steps were adapted to its pace."""
    takes_longer: bool = False
    """Whether the training takes its least steps, whatever the deadline."""
    time_note: str = ""
    """What is different from the plan of the time; empty for nothing."""
    picture: Path | None = None
    """The newest picture."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the summary."""

    @property
    def spent(self) -> float:
        """Seconds of work on these decisions, earlier commands included."""
        return self.plan.choices.spent + time.monotonic() - self.started

    def progress(self, current: Progress, ended: Step | None = None) -> SwapProgress:
        """Return the progress of the plan.

        Args:
            current: The progress of the running step.
            ended: The step that has just ended; None if one is running.
        """
        left, spent = self._seconds_left(current), self.spent
        return SwapProgress(
            current.stage,
            current.done,
            current.total,
            current.note,
            steps=tuple(
                StepStatus(
                    step.title,
                    step.to_shell(),
                    status,
                    self.seconds.get(step.title, 0.0),
                    self.sentences.get(step.title, ""),
                )
                for step, status in zip(self.plan.steps, self.states, strict=True)
            ),
            seconds_left=left,
            share=spent / max(spent + left, 1e-9),
            picture=self.picture,
            time_note=self.time_note,
            ended_step=None if ended is None else self._describe(ended),
        )

    def note_time(self, sentence: str) -> None:
        """Say in the progress and in the summary what is different from the plan of the time.

        Args:
            sentence: The sentence.
        """
        self.time_note = sentence
        self.notes.append(sentence)

    def correction(self) -> float:
        """Return how much longer the finished steps took than estimated."""
        finished = [
            step
            for step, status in zip(self.plan.steps, self.states, strict=True)
            if status == "done" and not step.has_deadline and step.title in self.seconds
        ]
        took = sum(self.seconds[step.title] for step in finished)
        estimated = sum(step.seconds for step in finished)
        if took < _CORRECTION_SECONDS or not estimated:
            return 1.0
        return min(max(took / estimated, _CORRECTION[0]), _CORRECTION[1])

    def seconds_after(self, step: Step) -> float:
        """Return the estimated time of the steps after one.

        Args:
            step: The step.
        """
        later = self.plan.steps[self.plan.steps.index(step) + 1 :]
        return self.correction() * sum(each.seconds for each in later)

    def note_result(self, step: Step, result: dict[str, Any], sentence: str) -> None:
        """Remember what a step gave.

        Args:
            step: The step.
            result: What it printed as JSON.
            sentence: The result for people.
        """
        record = self.project.step(step.artifact)
        self.results[step.title], self.sentences[step.title] = result, sentence
        self.seconds[step.title] = record.seconds if record else 0.0
        self.find_picture(step)

    def find_picture(self, step: Step) -> None:
        """Remember the newest picture of a step.

        Args:
            step: The step.
        """
        if step.artifact.suffix == ".png" and step.artifact.is_file():
            self.picture = step.artifact
        if not step.pictures:
            return
        with suppress(OSError):
            found = sorted(
                step.artifact.glob(step.pictures), key=lambda path: path.stat().st_mtime_ns
            )
            self.picture = found[-1] if found else self.picture

    def record_spent(self) -> None:
        """Write how long the project has worked on these decisions."""
        choices = self.plan.choices.model_copy(update={"spent": self.spent})
        self.project.record_choices(self.plan.choices_key, choices)

    def _describe(self, step: Step) -> dict[str, Any]:
        return {
            "step": step.title,
            "state": self.states[self.plan.steps.index(step)],
            "command": step.to_shell(),
            "artifact": str(step.artifact),
            "result": self.results.get(step.title, {}),
        }

    def _seconds_left(self, current: Progress) -> float:
        correction = self.correction()
        left = 0.0
        for step, status in zip(self.plan.steps, self.states, strict=True):
            estimate = step.seconds if step.has_deadline else step.seconds * correction
            if status == "waiting":
                left += estimate
            elif status == "running":
                left += self._running_seconds_left(step, current, estimate)
        return left

    def _running_seconds_left(self, step: Step, current: Progress, estimate: float) -> float:
        ran = self.seconds.get(step.title, 0.0)
        left = max(estimate - ran, _LEAST_SHARE * estimate)
        if current.total and current.stage == _MEASURED_STAGES.get(step.arguments[0]):
            measured = self._measured_seconds_left(current, current.total)
            left = left if measured is None else measured
        limit = self.limits.get(step.title)
        return left if limit is None else max(min(left, limit - ran), 0.0)

    def measured_pace(self, current: Progress) -> tuple[int, float]:
        """Return how many units of a stage were done since its first progress, and the seconds.

        Args:
            current: The present progress; the first one of a stage starts the measurement.
        """
        now = time.monotonic()
        first = self.first_progress
        if first is None or first[0] != current.stage:
            self.first_progress = (current.stage, current.done, now)
            return 0, 0.0
        return current.done - first[1], now - first[2]

    def _measured_seconds_left(self, current: Progress, total: int) -> float | None:
        """Return the time to the end of a stage at its pace; None if it has just begun."""
        done, seconds = self.measured_pace(current)
        return seconds * (total - current.done) / done if done >= _MEASURED_UNITS else None
