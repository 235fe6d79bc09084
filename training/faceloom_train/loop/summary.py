"""The message at the end of the `train` command."""

import shlex
from collections.abc import Iterator

from faceloom_train.evaluation.plateau import (
    Trend,
    assess_trend,
    current_advice,
    has_stopped_on_plateau,
)
from faceloom_train.evaluation.run_score import newest_score
from faceloom_train.loop.trainer import TrainingSummary
from faceloom_train.runs.run_directory import Run


def summary_text(run: Run, summary: TrainingSummary) -> str:
    """Describe the state of a run: how far it is, how good, and what the user can do next.

    Args:
        run: The run after training.
        summary: The result of training.
    """
    return "\n".join([_state(run, summary), result_text(run)])


def result_text(run: Run) -> str:
    """Describe what a run has given so far; every training ends with these lines.

    Args:
        run: The run.

    Returns:
        The newest score in words, the newest preview, and the command that exports the run, a line
        each.
    """
    return "\n".join(_result_lines(run))


def _state(run: Run, summary: TrainingSummary) -> str:
    name, step, total = run.directory, summary.step, summary.total
    if step < total and has_stopped_on_plateau(run):
        stopped = "stopped" if summary.steps_completed else "had already stopped"
        advice = current_advice(run.read_metrics(), run.settings)
        return (
            f"{name} {stopped} at step {step} of {total}: {advice}. "
            "To continue anyway: --set stop_on_plateau=false."
        )
    if step < total:
        return (
            f"{name} is at step {step} of {total}; the same command continues it."
            f"{_advice_sentence(run)}"
        )
    longer = f"To train longer: --steps {2 * total}."
    if not summary.steps_completed:
        return (
            f"{name} is already trained, all {total} steps; nothing was trained."
            f"{_advice_sentence(run)} {longer}"
        )
    return f"{name} is trained: {step} steps.{_advice_sentence(run)} {longer}"


def _advice_sentence(run: Run) -> str:
    """Return whether more steps help, as a sentence after a space; empty if unknown."""
    rows = run.read_metrics()
    if assess_trend(rows, run.settings).trend is Trend.insufficient_data:
        return ""
    advice = current_advice(rows, run.settings)
    return f" {advice[:1].upper()}{advice[1:]}."


def _result_lines(run: Run) -> Iterator[str]:
    source = run.identities[-1]
    score = newest_score(run, source)
    if score is not None:
        yield f"Score of {source}'s face at step {score.step}: {score.to_text()}."
    elif run.settings.evaluate_every and run.settings.validation_faces:
        yield (
            "No score yet: the first evaluation needs a completed training and 8 faces or more of "
            "an identity."
        )
    if previews := run.list_previews():
        yield f"Newest preview: {previews[-1]} (all on one page: {run.directory / 'report.html'})"
    command = shlex.join(
        [
            "faceloom",
            "export",
            str(run.directory),
            "--identity",
            source,
            "--out",
            f"{source}.bundle",
        ]
    )
    yield f"Next, to put {source}'s face on somebody: {command}"
