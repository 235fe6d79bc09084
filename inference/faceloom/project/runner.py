"""Run a plan: each step as a child process, with one progress and one time left for all."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from faceloom.errors import FaceloomError
from faceloom.progress import Progress, ProgressGenerator
from faceloom.project.plan import SwapPlan
from faceloom.project.project_file import StepRecord
from faceloom.project.project_folder import Project
from faceloom.project.step import Step
from faceloom.project.step_process import StepProcess
from faceloom.project.step_sentence import review_verdict, score_in_words, step_sentence

# Seconds between two writes of how long a step has run.
_RECORD_SECONDS = 5.0
# Seconds that a command with a deadline needs besides: to start before, and to save after it.
_DEADLINE_MARGIN = 20.0
# Shortest training, in seconds, whatever the deadline: it has to end with a checkpoint.
_SHORTEST_TRAINING = 6.0
# Limits of how the durations of the finished steps correct the estimates of the others.
_CORRECTION = (0.5, 4.0)
# Seconds of finished steps from which they correct the estimates.
_CORRECTION_SECONDS = 4.0

# The stage that takes most of a command's time and whose rate is measured, by command.
_MEASURED_STAGES = {"train": "train", "convert": "convert", "compare": "compare"}
# Units of a stage after which its rate counts.
_MEASURED_UNITS = 20

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
    ended_step: dict[str, Any] | None = None
    """Result of a step that has just ended, or was kept, with its title and command."""


@dataclass(frozen=True, slots=True)
class SwapSummary:
    """The result of a plan."""

    out: Path
    """The swapped video."""
    project: Path
    """The project's folder."""
    seconds: float
    """Duration of this command."""
    total_seconds: float
    """Duration of all commands that have worked on it, from the first one on."""
    preset: str
    """The training's preset."""
    steps: int
    """The step that the training has reached."""
    frames: int
    """Frames of the target."""
    swapped_frames: int | None
    """Frames in which the face was replaced; None if the conversion did not say."""
    score: float | None
    """Score of the comparison, 0 to 100; None if it was not measured."""
    score_words: str
    """The score in words; empty if it was not measured."""
    review: str
    """The verdict of the review; empty if there is none."""
    picture: Path | None
    """A sheet with a few frames before and after."""
    report: Path | None
    """The report of the comparison."""
    commands: tuple[str, ...]
    """The commands that make the same, in order."""
    notes: tuple[str, ...]
    """Sentences about the footage and about steps that failed."""


@dataclass
class _State:
    """The changing state of a running plan."""

    project: Project
    """The project."""
    plan: SwapPlan
    """The plan."""
    states: list[StepState]
    """State of each step, in their order."""
    started: float = field(default_factory=time.monotonic)
    """When this command started, in seconds of `time.monotonic`."""
    spent_before: float = 0.0
    """Seconds of work of earlier commands."""
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
    picture: Path | None = None
    """The newest picture."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the summary."""

    @property
    def spent(self) -> float:
        """Seconds of work on these choices, earlier commands included."""
        return self.spent_before + time.monotonic() - self.started


def run_plan(
    plan: SwapPlan, project: Project, started: float | None = None
) -> ProgressGenerator[SwapSummary]:
    """Run the steps of a plan that are not complete.

    To stop it, close the generator: the running command saves what it has.

    Args:
        plan: The plan.
        project: The project, which must be locked.
        started: When the command started, in seconds of `time.monotonic`; now if None.

    Yields:
        `SwapProgress`.

    Returns:
        The summary.

    Raises:
        FaceloomError: A step failed; with the message and the exit code of its command.
    """
    state = _State(project, plan, ["waiting"] * len(plan.steps))
    if started is not None:
        state.started = started
    state.spent_before = plan.choices.spent
    state.notes += plan.choices.notes
    for index, step in enumerate(plan.steps):
        if step.is_done(project):
            record = project.step(step.artifact)
            assert record is not None, "a complete step has a record"
            state.states[index] = "kept"
            _note_result(state, step, record.result, record.sentence)
            yield _progress(state, Progress(step.title, 1, 1), ended=step)
            continue
        state.states[index] = "running"
        try:
            yield from _run_step(state, step)
            state.states[index] = "done"
        except FaceloomError as error:
            if not step.optional:
                raise
            state.states[index] = "failed"
            state.notes.append(f"{step.title} failed: {error}")
        finally:
            _record_spent(state)
        yield _progress(state, Progress(step.title, 1, 1), ended=step)
    return _summarize(state)


def _run_step(state: _State, step: Step) -> Iterator[SwapProgress]:
    project = state.project
    record = _start_record(state, step)
    arguments = [*step.command(project), *_deadline_options(state, step)]
    project.record_step(step.artifact, record)
    began = last_write = time.monotonic()
    ended = False
    try:
        with StepProcess.start(arguments, project.log) as child:
            project.record_child(child.process.pid)
            last = Progress(step.title, 0)
            yield _progress(state, last)
            for progress in child.progress():
                last = progress or last
                now = time.monotonic()
                state.seconds[step.title] = record.seconds + now - began
                if now - last_write > _RECORD_SECONDS:
                    last_write = now
                    _record_spent(state)
                    project.record_step(step.artifact, _with_time(record, now - began))
                _find_picture(state, step)
                yield _progress(state, last)
            result = child.result()
            printed = child.lines[-1].strip() if child.lines else ""
            sentence = step_sentence(step.arguments[0], result, printed)
        ended = True
    finally:
        project.record_child(None)
        record = _with_time(record, time.monotonic() - began)
        if ended:
            record = record.model_copy(
                update={"done": True, "result": result, "sentence": sentence}
            )
        project.record_step(step.artifact, record)
    _find_picture(state, step)
    _note_result(state, step, result, sentence)


def _with_time(record: StepRecord, seconds: float) -> StepRecord:
    return record.model_copy(update={"seconds": record.seconds + seconds})


def _start_record(state: _State, step: Step) -> StepRecord:
    """Return the record of a step that starts: the interrupted one's, or a new one."""
    record = state.project.step(step.artifact)
    if record is not None and record.key == step.key and not record.done:
        return record
    return StepRecord(key=step.key, before=step.signature())


def _deadline_options(state: _State, step: Step) -> tuple[str, ...]:
    """Return the time that a step with a deadline has, after what the later steps need."""
    deadline = state.plan.deadline_seconds
    if deadline is None or not step.has_deadline:
        return ()
    later = sum(each.seconds for each in _after(state.plan.steps, step)) * _correction(state)
    seconds = max(deadline - state.spent - later - _DEADLINE_MARGIN, _SHORTEST_TRAINING)
    state.limits[step.title] = seconds + _DEADLINE_MARGIN
    return ("--minutes", f"{seconds / 60:.2f}")


def _after(steps: Sequence[Step], step: Step) -> Sequence[Step]:
    return steps[steps.index(step) + 1 :]


def _correction(state: _State) -> float:
    """Return how much longer the finished steps took than estimated."""
    finished = [
        step
        for step, status in zip(state.plan.steps, state.states, strict=True)
        if status == "done" and not step.has_deadline and step.title in state.seconds
    ]
    took = sum(state.seconds[step.title] for step in finished)
    estimated = sum(step.seconds for step in finished)
    if took < _CORRECTION_SECONDS or not estimated:
        return 1.0
    return min(max(took / estimated, _CORRECTION[0]), _CORRECTION[1])


def _progress(state: _State, current: Progress, ended: Step | None = None) -> SwapProgress:
    left, spent = _seconds_left(state, current), state.spent
    report = None
    if ended is not None:
        report = {
            "step": ended.title,
            "state": state.states[state.plan.steps.index(ended)],
            "command": ended.to_shell(),
            "artifact": str(ended.artifact),
            "result": state.results.get(ended.title, {}),
        }
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
                state.seconds.get(step.title, 0.0),
                state.sentences.get(step.title, ""),
            )
            for step, status in zip(state.plan.steps, state.states, strict=True)
        ),
        seconds_left=left,
        share=spent / max(spent + left, 1e-9),
        picture=state.picture,
        ended_step=report,
    )


def _seconds_left(state: _State, current: Progress) -> float:
    correction = _correction(state)
    left = 0.0
    for step, status in zip(state.plan.steps, state.states, strict=True):
        estimate = step.seconds if step.has_deadline else step.seconds * correction
        if status == "waiting":
            left += estimate
        elif status == "running":
            left += _running_seconds_left(state, step, current, estimate)
    return left


def _running_seconds_left(state: _State, step: Step, current: Progress, estimate: float) -> float:
    ran = state.seconds.get(step.title, 0.0)
    left = max(estimate - ran, 0.1 * estimate)
    if current.total and current.stage == _MEASURED_STAGES.get(step.arguments[0]):
        measured = _measured_seconds_left(state, current, current.total)
        left = left if measured is None else measured
    limit = state.limits.get(step.title)
    return left if limit is None else max(min(left, limit - ran), 0.0)


def _measured_seconds_left(state: _State, current: Progress, total: int) -> float | None:
    """Return the time to the end of a stage at its rate since this command started; None if the
    stage has just begun.
    """
    now = time.monotonic()
    first = state.first_progress
    if first is None or first[0] != current.stage:
        state.first_progress = (current.stage, current.done, now)
        return None
    done = current.done - first[1]
    if done < _MEASURED_UNITS:
        return None
    return (now - first[2]) * (total - current.done) / done


def _note_result(state: _State, step: Step, result: dict[str, Any], sentence: str) -> None:
    record = state.project.step(step.artifact)
    state.results[step.title], state.sentences[step.title] = result, sentence
    state.seconds[step.title] = record.seconds if record else 0.0
    _find_picture(state, step)


def _find_picture(state: _State, step: Step) -> None:
    """Remember the newest picture of a step."""
    if step.artifact.suffix == ".png" and step.artifact.is_file():
        state.picture = step.artifact
    if not step.pictures:
        return
    with suppress(OSError):
        found = sorted(step.artifact.glob(step.pictures), key=lambda path: path.stat().st_mtime_ns)
        state.picture = found[-1] if found else state.picture


def _record_spent(state: _State) -> None:
    choices = state.plan.choices.model_copy(update={"spent": state.spent})
    state.project.record_choices(state.plan.choices_key, choices)


def _summarize(state: _State) -> SwapSummary:
    plan, by_kind = state.plan, _results_by_command(state)
    trained, converted = by_kind.get("train", {}), by_kind.get("convert", {})
    words = score_in_words(by_kind.get("compare", {}))
    sheets = [step.artifact for step in plan.steps if step.artifact.suffix == ".png"]
    report = plan.steps[-1].artifact
    return SwapSummary(
        out=plan.settings.out,
        project=state.project.folder,
        seconds=time.monotonic() - state.started,
        total_seconds=state.spent,
        preset=plan.choices.training.preset,
        steps=int(trained.get("step", plan.choices.training.steps)),
        frames=int(converted.get("frames", plan.choices.frames)),
        swapped_frames=converted.get("swapped_frames"),
        score=words.score if words else None,
        score_words=words.to_text() if words else "",
        review=review_verdict(by_kind.get("review", {})),
        picture=next((sheet for sheet in sheets if sheet.is_file()), None),
        report=report if report.is_file() else None,
        commands=tuple(step.to_shell() for step in plan.steps),
        notes=tuple(state.notes),
    )


def _results_by_command(state: _State) -> dict[str, dict[str, Any]]:
    return {
        step.arguments[0]: state.results[step.title]
        for step in state.plan.steps
        if step.title in state.results
    }
