"""The result of a plan."""

import time
from dataclasses import dataclass
from pathlib import Path

from faceloom.project.run_state import RunState
from faceloom.project.step_sentence import review_verdict, score_in_words


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
        review=review_verdict(results.get("review", {})),
        picture=next((sheet for sheet in sheets if sheet.is_file()), None),
        report=report if report.is_file() else None,
        commands=tuple(step.to_shell() for step in plan.steps),
        notes=tuple(state.notes),
    )
