"""What is said of a run when a command that trained it ends."""

import shlex

from faceloom_train.evaluation.plateau import Trend, advice_of, has_ended, outlook_of
from faceloom_train.loop.trainer import TrainSummary
from faceloom_train.runs.run_directory import Run


def sentence(run: Run, summary: TrainSummary) -> str:
    """Say where the run stands, why, and what can be done next."""
    where, step, total = run.directory, summary.step, summary.total
    if step > total:
        return f"{where} is at step {step} already, beyond the {total} asked for; nothing was trained. {_use(run)}"
    if has_ended(run) and step < total:
        done = "has ended" if summary.steps_made else "had ended already"
        return (
            f"{where} {done} at step {step} of {total}: {advice_of(run.rows(), run.settings)}. "
            f"{_use(run)} To train on nevertheless: --set stop_on_plateau=false."
        )
    if step < total:
        return (
            f"{where} is at step {step} of {total}; the same command continues it.{_outlook(run)}"
        )
    more = f"To train on: --steps {2 * total}."
    if not summary.steps_made:
        return f"{where} is trained already, all {total} steps; nothing was left to do.{_outlook(run)} {_use(run)} {more}"
    return f"{where} is trained: {step} steps.{_outlook(run)} {_use(run)} {more}"


def _outlook(run: Run) -> str:
    """Say whether more steps help, if that is known; a sentence of its own."""
    if outlook_of(run.rows(), run.settings).trend is Trend.short:
        return ""
    said = advice_of(run.rows(), run.settings)
    return f" {said[:1].upper()}{said[1:]}."


def _use(run: Run) -> str:
    name = run.identities[-1]
    typed = shlex.join(
        ["faceloom", "export", str(run.directory), "--identity", name, "--out", f"{name}.bundle"]
    )
    return f"To use it: {typed}."
