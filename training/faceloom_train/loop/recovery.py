"""Resume a run that failed from its last checkpoint, with changed settings."""

import logging

from faceloom.errors import PartlyDone
from faceloom.operating_system import is_memory_exhausted
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.loop.divergence import DivergedError
from faceloom_train.loop.memory_budget import next_smaller_micro_batch
from faceloom_train.runs.checkpoint import last_checkpoint_step
from faceloom_train.runs.run_directory import Run

# How often one command lowers the learning rate before it gives up.
MAX_RESTORES = 3
# Factor by which the learning rate is lowered.
_LEARNING_RATE_FACTOR = 0.5

log = logging.getLogger(__name__)


def with_lower_learning_rate(run: Run, error: DivergedError, restores: int) -> Run:
    """Return the run with half the learning rate; log the change.

    Args:
        run: The run that diverged.
        error: How it diverged.
        restores: How often this command has lowered the learning rate before.

    Raises:
        PartlyDone: It has done so `MAX_RESTORES` times.
    """
    step = last_checkpoint_step(run)
    if restores >= MAX_RESTORES:
        raise PartlyDone(
            f"{run.directory} diverged again at step {error.step} ({error.reason}), although the "
            f"learning rate was halved {restores} times; its last checkpoint is of step {step}. "
            "Continue with other settings (--set optimizer.learning_rate=..., "
            "--set optimizer.global_clipnorm=1), or check the face sets."
        )
    optimizer = run.settings.optimizer
    learning_rate = optimizer.learning_rate * _LEARNING_RATE_FACTOR
    log.warning(
        "Training stopped at step %d because %s: resuming from step %d with half the learning "
        "rate, %g.",
        error.step,
        error.reason,
        step,
        learning_rate,
    )
    run.log_event("restored", step, reason=error.reason, failed_step=error.step)
    lower = optimizer.model_copy(update={"learning_rate": learning_rate})
    return run.with_settings(run.settings.model_copy(update={"optimizer": lower}), step)


def with_smaller_micro_batch(run: Run, micro_batch_size: int) -> Run:
    """Return the run with a smaller micro-batch; log the change. The batch stays the same.

    Args:
        run: The run that ran out of memory.
        micro_batch_size: Its micro-batch size.

    Raises:
        PartlyDone: The size is 1.
    """
    step = last_checkpoint_step(run)
    smaller = next_smaller_micro_batch(run.settings, micro_batch_size)
    if smaller is None:
        raise PartlyDone(
            f"Out of memory: the network of {run.directory} does not fit even with one face of "
            "each identity at once; close other programs, or start a run with a smaller network or "
            "precision=mixed_bfloat16."
        )
    log.warning(
        "Out of memory with %d faces of each identity at once: resuming from step %d with %d at "
        "once (the batch is still %d).",
        micro_batch_size,
        step,
        smaller,
        run.settings.batch_size,
    )
    reason = f"out of memory with {micro_batch_size} faces of each identity at once"
    run.log_event("restored", step, reason=reason)
    update = {"micro_batch_size": smaller}
    return run.with_settings(run.settings.model_copy(update=update), step)


def check_worker_error(error: Exception, strategy: DeviceStrategy, micro_batch_size: int) -> None:
    """Raise an error for the user if several workers must be restarted; otherwise do nothing.

    Args:
        error: The error that ended training.
        strategy: The devices.
        micro_batch_size: The micro-batch size of this worker.

    Raises:
        PartlyDone: Another worker is lost, or a worker ran out of memory.
    """
    if strategy.worker_count > 1 and strategy.is_worker_lost(error):
        raise PartlyDone(
            "Another worker has stopped or does not answer; see that worker's own log for the "
            "cause. Start all workers again; the run resumes from its last checkpoint."
        ) from error
    if strategy.worker_count > 1 and is_memory_exhausted(error):
        raise PartlyDone(
            f"Out of memory on worker {strategy.worker_index} with {micro_batch_size} faces of "
            "each identity at once; start all workers again with fewer: "
            f"--set micro_batch_size={max(1, micro_batch_size // 2)}."
        ) from error
