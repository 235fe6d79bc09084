"""The message at the end of the `train` command."""

import shlex

from faceloom_train.evaluation.plateau import (
    Trend,
    assess_trend,
    current_advice,
    has_stopped_on_plateau,
)
from faceloom_train.loop.trainer import TrainingSummary
from faceloom_train.runs.run_directory import Run


def summary_text(run: Run, summary: TrainingSummary) -> str:
    """Describe the state of a run, and what the user can do next.

    Args:
        run: The run after training.
        summary: The result of training.
    """
    name, step, total = run.directory, summary.step, summary.total
    if step > total:
        return (
            f"{name} is already at step {step}, beyond the requested {total}; nothing was trained. "
            f"{_export_hint(run)}"
        )
    if step < total and has_stopped_on_plateau(run):
        stopped = "stopped" if summary.steps_completed else "had already stopped"
        advice = current_advice(run.read_metrics(), run.settings)
        return (
            f"{name} {stopped} at step {step} of {total}: {advice}. {_export_hint(run)} "
            "To continue anyway: --set stop_on_plateau=false."
        )
    if step < total:
        return (
            f"{name} is at step {step} of {total}; the same command continues it."
            f"{_advice_sentence(run)}"
        )
    next_actions = f"{_export_hint(run)} To train longer: --steps {2 * total}."
    if not summary.steps_completed:
        return (
            f"{name} is already trained, all {total} steps; nothing was trained."
            f"{_advice_sentence(run)} {next_actions}"
        )
    return f"{name} is trained: {step} steps.{_advice_sentence(run)} {next_actions}"


def _advice_sentence(run: Run) -> str:
    """Return whether more steps help, as a sentence after a space; empty if unknown."""
    rows = run.read_metrics()
    if assess_trend(rows, run.settings).trend is Trend.insufficient_data:
        return ""
    advice = current_advice(rows, run.settings)
    return f" {advice[:1].upper()}{advice[1:]}."


def _export_hint(run: Run) -> str:
    name = run.identities[-1]
    command = shlex.join(
        ["faceloom", "export", str(run.directory), "--identity", name, "--out", f"{name}.bundle"]
    )
    return f"To export it: {command}."
