"""Run a plan: each step as a child process, with one progress and one time left for all."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from faceloom.errors import FaceloomError
from faceloom.faceset.extraction_journal import remove_journals
from faceloom.progress import Progress, ProgressGenerator
from faceloom.project.plan import SwapPlan, build_steps
from faceloom.project.presets import least_steps, most_steps
from faceloom.project.project_file import StepRecord
from faceloom.project.project_folder import Project
from faceloom.project.run_state import DEADLINE_MARGIN, RunState, SwapProgress
from faceloom.project.step import OnExisting, Step
from faceloom.project.step_process import StepProcess
from faceloom.project.step_sentence import step_sentence
from faceloom.project.swap_summary import SwapSummary, summarize
from faceloom.project.training_pace import adapted_steps, pace_sentence

# Seconds between two writes of how long a step has run.
_RECORD_SECONDS = 5.0
# Shortest training, in seconds, whatever the deadline: it has to end with a checkpoint.
_SHORTEST_TRAINING = 6.0


def run_plan(
    plan: SwapPlan,
    project: Project,
    started: float | None = None,
    on_stop: Callable[[str], None] = lambda _: None,
) -> ProgressGenerator[SwapSummary]:
    """Run the steps of a plan that are not complete.

    To stop it, close the generator: the running command saves what it has.

    Args:
        plan: The plan.
        project: The project, which must be locked.
        started: When the command started, in seconds of `time.monotonic`; now if None.
        on_stop: Called with the title of the running step when the user stops it, which can take
            some seconds.

    Yields:
        `SwapProgress`.

    Returns:
        The summary.

    Raises:
        FaceloomError: A step failed; with the message and the exit code of its command.
    """
    state = RunState(project, plan, ["waiting"] * len(plan.steps))
    if started is not None:
        state.started = started
    state.notes += plan.choices.notes
    for index in range(len(plan.steps)):
        step = state.plan.steps[index]
        if step.is_done(project):
            _keep_step(state, index)
            yield state.progress(Progress(step.title, 1, 1), ended=step)
            continue
        state.states[index] = "running"
        try:
            step = _extend_short_training(state, index)
            try:
                yield from _run_step(state, step, on_stop)
            except _StepsAdaptedError as adapted:
                step = _follow_pace(state, index, adapted.steps)
                yield from _run_step(state, step, on_stop)
            if _ended_too_early(state, step):
                step = _extend_training(state, index)
                yield from _run_step(state, step, on_stop)
            state.states[index] = "done"
        except FaceloomError as error:
            if not step.optional:
                raise
            state.states[index] = "failed"
            state.notes.append(f"{step.title} failed: {error}")
        finally:
            state.record_spent()
        yield state.progress(Progress(step.title, 1, 1), ended=step)
    return summarize(state)


def _keep_step(state: RunState, index: int) -> None:
    """Take over a step that an earlier run has completed."""
    step = state.plan.steps[index]
    record = state.project.step(step.artifact)
    assert record is not None, "a complete step has a record"
    if step.arguments[0] == "extract":
        # Its command may have ended between writing the faces and removing their journals.
        remove_journals(step.artifact)
    state.states[index] = "kept"
    state.note_result(step, record.result, record.sentence)


def _run_step(
    state: RunState, step: Step, on_stop: Callable[[str], None]
) -> Iterator[SwapProgress]:
    project = state.project
    record = _start_record(state, step)
    left = _deadline_seconds(state, step, record)
    arguments = [*step.command(project), *minutes_options(left)]
    # Ended and continued, a training has the same time as one that is not interrupted.
    whole = None if left is None else left + record.seconds
    record = record.model_copy(update={"command": step.to_shell(*minutes_options(whole))})
    project.record_step(step.artifact, record)
    began = last_write = time.monotonic()
    ended = record
    try:
        with StepProcess.start(arguments, project.log, lambda: on_stop(step.title)) as child:
            project.record_child(child.process.pid)
            last = Progress(step.title, 0)
            yield state.progress(last)
            for progress in child.progress():
                last = progress or last
                now = time.monotonic()
                state.seconds[step.title] = record.seconds + now - began
                if now - last_write > _RECORD_SECONDS:
                    last_write = now
                    state.record_spent()
                    project.record_step(step.artifact, _with_time(record, now - began))
                state.find_picture(step)
                yield state.progress(last)
                _check_pace(state, step, last)
            if child.log_error and child.log_error not in state.notes:
                state.notes.append(child.log_error)
            ended = _ended_record(record, step, child)
    finally:
        project.record_child(None)
        ended = _with_time(ended, time.monotonic() - began)
        project.record_step(step.artifact, ended)
    state.note_result(step, dict(ended.result), ended.sentence)


class _StepsAdaptedError(Exception):
    """The training's steps do not fit its time; its command is stopped and started again."""

    def __init__(self, steps: int):
        super().__init__(steps)
        self.steps = steps


def _check_pace(state: RunState, step: Step, current: Progress) -> None:
    """Raise `_StepsAdaptedError` if a training with a deadline has too many or too few steps."""
    limit = state.limits.get(step.title)
    if limit is None or current.stage != "train" or state.is_adapted or state.plan.settings.steps:
        return
    training = state.plan.choices.training
    left = limit - DEADLINE_MARGIN - state.seconds[step.title]
    pace = state.measured_pace(current)
    most = most_steps(training.preset)
    steps = adapted_steps(training.steps, current.done, pace, left, most)
    if steps is not None:
        raise _StepsAdaptedError(steps)


def _extend_short_training(state: RunState, index: int) -> Step:
    """Plan the least steps without a deadline if its time is too short; return the step to run."""
    step, training = state.plan.steps[index], state.plan.choices.training
    record = state.project.step(step.artifact)
    left = _deadline_seconds(state, step, record or StepRecord(key=step.key, before=""))
    if left is None:
        return step
    trained = state.project.trained_steps(training.run)
    missing = least_steps(training.preset, training.steps) - trained
    pace = state.correction() * training.seconds / training.steps
    return _extend_training(state, index) if missing > 0 and left < missing * pace else step


def _follow_pace(state: RunState, index: int, steps: int) -> Step:
    """Plan the steps that fit, but the least steps at least; return the step to run."""
    training = state.plan.choices.training
    if steps < least_steps(training.preset, training.steps):
        return _extend_training(state, index)
    state.note_time(pace_sentence(training.steps, steps))
    return _adapt_plan(state, index, steps)


def _ended_too_early(state: RunState, step: Step) -> bool:
    """Return whether a deadline ended a training before its least steps."""
    if step.title not in state.limits or state.takes_longer:
        return False
    training, done = state.plan.choices.training, state.results[step.title].get("step")
    return isinstance(done, int) and done < least_steps(training.preset, training.steps)


def _extend_training(state: RunState, index: int) -> Step:
    """Plan the least steps without a deadline and say so; return the step to run."""
    training = state.plan.choices.training
    steps = least_steps(training.preset, training.steps)
    state.takes_longer = True
    state.limits.pop(state.plan.steps[index].title, None)
    state.note_time(
        f"The swap takes longer than --minutes {state.plan.choices.minutes:g}: this machine is "
        f"slower than estimated, and a recognizable face takes {steps} steps at least."
    )
    return _adapt_plan(state, index, steps)


def _adapt_plan(state: RunState, index: int, steps: int) -> Step:
    """Plan once more with another number of training steps; return the step to run."""
    choices = state.plan.choices
    training = choices.training.model_copy(update={"steps": steps})
    # What this command has worked is added to it when it is written.
    choices = choices.model_copy(update={"training": training})
    planned = build_steps(state.plan.settings, choices, state.project)
    state.plan = replace(state.plan, choices=choices, steps=planned)
    state.is_adapted = True
    state.first_progress = None
    state.record_spent()
    return planned[index]


def _start_record(state: RunState, step: Step) -> StepRecord:
    """Return the record of a step that starts: the interrupted one's, or a new one.

    An interrupted training that continues with other steps keeps its time.
    """
    record = state.project.step(step.artifact)
    if record is None or record.done:
        return StepRecord(key=step.key, before=step.signature())
    if record.key == step.key:
        return record
    seconds = record.seconds if step.on_existing is OnExisting.CONTINUE else 0.0
    return StepRecord(key=step.key, before=step.signature(), seconds=seconds)


def _ended_record(record: StepRecord, step: Step, child: StepProcess) -> StepRecord:
    """Return the record of a step whose command has ended; raise its error if it failed."""
    result = child.result()
    printed = child.lines[-1].strip() if child.lines else ""
    sentence = step_sentence(step.arguments[0], result, printed)
    return record.model_copy(update={"done": True, "result": result, "sentence": sentence})


def _with_time(record: StepRecord, seconds: float) -> StepRecord:
    return record.model_copy(update={"seconds": record.seconds + seconds})


def _deadline_seconds(state: RunState, step: Step, record: StepRecord) -> float | None:
    """Return the time that a step with a deadline has, after what the later steps need."""
    deadline = state.plan.deadline_seconds
    if deadline is None or not step.has_deadline or state.takes_longer:
        return None
    # A machine that is slow, or busy, also starts and saves more slowly.
    margin = DEADLINE_MARGIN * max(1.0, state.correction())
    seconds = deadline - state.spent - state.seconds_after(step) - margin
    seconds = max(seconds, _SHORTEST_TRAINING)
    state.limits[step.title] = seconds + DEADLINE_MARGIN + record.seconds
    return seconds


def minutes_options(seconds: float | None) -> tuple[str, ...]:
    """Return the options that limit a training to a time, rounded down so that it is kept.

    Args:
        seconds: The time; None: no limit.
    """
    return () if seconds is None else ("--minutes", f"{math.floor(100 * seconds / 60) / 100:.2f}")
