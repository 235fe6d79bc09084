"""The result of a plan."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

from faceloom.project.decisions import SPARE_MINUTES
from faceloom.project.project_file import SwapChoices
from faceloom.project.project_folder import Project
from faceloom.project.run_state import RunState
from faceloom.project.step_sentence import occlusion_note, review_verdict, score_in_words


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
    nothing_new: bool
    """Whether every step was complete before this command."""
    longer_minutes: int
    """Value of `--minutes` with which the training goes on for about as long as it took."""
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


def summarize(state: RunState) -> SwapSummary:
    """Collect the result of a plan whose steps have ended.

    Args:
        state: Its state.
    """
    plan = state.plan
    results = {
        step.arguments[0]: state.results[step.title]
        for step in plan.steps
        if step.title in state.results
    }
    trained, converted = results.get("train", {}), results.get("convert", {})
    words = score_in_words(results.get("compare", {}))
    occlusion = occlusion_note(converted)
    made = [
        step.artifact
        for step, status in zip(plan.steps, state.states, strict=True)
        if status in ("done", "kept") and step.artifact.is_file()
    ]
    report = plan.steps[-1].artifact
    return SwapSummary(
        out=plan.settings.written,
        project=state.project.folder,
        seconds=time.monotonic() - state.started,
        total_seconds=state.spent,
        nothing_new=all(status == "kept" for status in state.states),
        longer_minutes=_longer_minutes(state),
        preset=plan.choices.training.preset,
        steps=int(trained.get("step", plan.choices.training.steps)),
        frames=int(converted.get("frames", plan.choices.frames)),
        swapped_frames=converted.get("swapped_frames"),
        score=words.score if words else None,
        score_words=words.to_text() if words else "",
        review=review_verdict(results.get("review", {})),
        picture=next((path for path in made if path.suffix == ".png"), None),
        report=report if report in made else None,
        commands=_commands(state),
        notes=(*state.notes, *([occlusion] if occlusion else [])),
    )


def _longer_minutes(state: RunState) -> int:
    """Return the minutes of a whole swap whose training takes twice as long as this one's."""
    project, choices = state.project, state.plan.choices
    run = project.run(choices.training.run)
    records = {step.artifact: project.step(step.artifact) for step in state.plan.steps}
    taken = {artifact: record.seconds for artifact, record in records.items() if record}
    record = project.step(run)
    training = max(record.seconds if record else 0.0, taken.pop(run, 0.0))
    other = max(sum(taken.values()), choices.seconds.total)
    minutes = math.ceil((other + 2 * training) / 60 + SPARE_MINUTES)
    return max(minutes, math.floor(choices.minutes or 0) + 1)


def _commands(state: RunState) -> tuple[str, ...]:
    """Return the commands that make the same from nothing, those of earlier swaps included."""
    project, choices = state.project, state.plan.choices
    training = choices.training
    earlier = _training_artifacts(
        project, training.run if choices.trained_target else training.init_from
    )
    if choices.trained_target:
        earlier.append(project.bundle(training.run))
    planned = {step.artifact: step.to_shell() for step in state.plan.steps}
    commands = []
    for artifact in dict.fromkeys((*earlier, *planned)):
        record = project.step(artifact)
        commands.append((record.command if record else "") or planned.get(artifact, ""))
    return tuple(filter(None, commands))


def _training_artifacts(project: Project, run: str) -> list[Path]:
    """Return a run and what it needs, in order: the runs that it starts from, and face sets."""
    runs: list[str] = []
    artifacts: list[Path] = []
    while run and run not in runs:
        runs.append(run)
        choices = _choices_of_run(project, run)
        faces = (choices.guest.name, choices.target.name) if choices else ()
        artifacts = [*map(project.faces, faces), project.run(run), *artifacts]
        run = choices.training.init_from if choices else ""
    return artifacts


def _choices_of_run(project: Project, run: str) -> SwapChoices | None:
    """Return the decisions by which a run was trained."""
    for choices in project.all_choices():
        if choices.training.run == run and not choices.trained_target:
            return choices
    return None
