"""How a run goes on after it went wrong: from its last checkpoint, with settings that may hold."""

import logging

from faceloom.errors import PartlyDone
from faceloom_train.distributed.strategy import Devices
from faceloom_train.loop.divergence import DivergedError
from faceloom_train.loop.memory_budget import is_out_of_memory, smaller_batch
from faceloom_train.runs.checkpoint import latest_checkpoint, list_checkpoints
from faceloom_train.runs.run_directory import Run

# How often one command lowers the rate before it gives up.
MOST_RESTORES = 3
_LOWER = 0.5

log = logging.getLogger(__name__)


def with_lower_rate(run: Run, error: DivergedError, restored: int) -> Run:
    """Return the run with half the learning rate, noted; `restored`: how often this command has done so already.

    Raises PartlyDone when that was often enough.
    """
    step = last_step(run)
    if restored >= MOST_RESTORES:
        raise PartlyDone(
            f"{run.directory} went wrong again at step {error.step} ({error.reason}), although the learning rate was "
            f"halved {restored} times; its last checkpoint is of step {step}. Continue with other settings "
            "(--set optimizer.learning_rate=..., --set optimizer.clip_norm=1), or look at the face sets."
        )
    optimizer = run.settings.optimizer
    rate = optimizer.learning_rate * _LOWER
    log.warning(
        "At step %d %s: going on from step %d with half the learning rate, %g.",
        error.step,
        error.reason,
        step,
        rate,
    )
    run.log({"step": step, "restored": error.reason, "left": error.step})
    lower = optimizer.model_copy(update={"learning_rate": rate})
    return run.with_settings(run.settings.model_copy(update={"optimizer": lower}), step)


def with_smaller_batch(run: Run, faces: int) -> Run:
    """Return the run computing fewer than `faces` at once, noted; raise PartlyDone if it is down to one.

    A step still learns from as many faces: it is only computed in more parts.
    """
    step = last_step(run)
    fewer = smaller_batch(run.settings, faces)
    if fewer is None:
        raise PartlyDone(
            f"The memory does not hold the network of {run.directory} with even one face of each identity at once; "
            "close other programs or begin a run with a smaller network or precision=mixed_bfloat16."
        )
    log.warning(
        "Out of memory with %d faces of each identity at once: going on from step %d with %d at once (a step "
        "still learns from %d).", faces, step, fewer, run.settings.faces_per_step,
    )  # fmt: skip
    run.log(
        {"step": step, "restored": f"out of memory with {faces} faces of each identity at once"}
    )
    sizes = {"batch_size": fewer, "effective_batch_size": run.settings.faces_per_step}
    return run.with_settings(run.settings.model_copy(update=sizes), step)


def refuse_what_workers_cannot(error: Exception, devices: Devices, faces: int) -> None:
    """Raise PartlyDone for an error after which several workers can only be started again."""
    if devices.workers > 1 and devices.is_lost(error):
        raise PartlyDone(
            "Another worker is gone, or does not answer: what it says on its own machine tells why. Start all of them "
            "again; the run goes on from its last checkpoint."
        ) from error
    if devices.workers > 1 and is_out_of_memory(error):
        raise PartlyDone(
            f"Out of memory on worker {devices.number} with {faces} faces of each identity at once; start all workers "
            f"again with fewer: --set batch_size={max(1, faces // 2)}."
        ) from error


def last_step(run: Run) -> int:
    """Return the step from which a run would go on: 0 without a checkpoint."""
    return latest_checkpoint(run)[1] if list_checkpoints(run) else 0
