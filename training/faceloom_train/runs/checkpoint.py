"""Save and restore a model's state: weights, optimizer state, averaged weights and step."""

import math
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom.atomic import atomic_directory, check_disk_space, write_text
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.hashing import sha256_of_file
from faceloom.json_documents import StrictModel, read_document, to_json
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.checkpoint_paths import (
    MAX_DIGITS,
    checkpoint_path,
    checkpoint_step,
    checkpoints_directory,
    list_checkpoints,
)
from faceloom_train.runs.hdf5_validation import check_weights_file
from faceloom_train.runs.hdf5_writing import save_model_weights
from faceloom_train.runs.run_directory import Run

# Formats of checkpoint.json and best.json.
CHECKPOINT_SCHEMA: Literal[1] = 1
BEST_SCHEMA: Literal[2] = 2
_WEIGHTS = "state.weights.h5"
_BEST = "best.json"
# Bytes of a checkpoint beside its arrays, generously: HDF5's own structures.
_OVERHEAD_BYTES = 10_000_000


class CheckpointFile(StrictModel):
    """`checkpoint.json` of a checkpoint."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = CHECKPOINT_SCHEMA
    """Format of the file."""
    step: Annotated[int, Field(ge=0)]
    """How many steps the state has been trained for; the next batch is the one of this index."""
    sha256: str
    """Checksum of the file of weights, in hexadecimal."""


class BestFile(StrictModel):
    """`best.json` of a run: the checkpoint with the best evaluation."""

    schema_number: Annotated[Literal[2], Field(alias="schema")] = BEST_SCHEMA
    """Format of the file."""
    step: Annotated[int, Field(ge=0)]
    """The checkpoint's step."""
    metrics: dict[str, float]
    """The metrics of its evaluation by name."""


def save_checkpoint(model: SwapModel, run: Run, step: int) -> Path:
    """Write a checkpoint, then remove those that are not kept.

    Kept are the newest `keep_checkpoints`, one every `keep_every` steps, and the best. Checkpoints
    of later steps are removed: they are damaged, otherwise the run would have resumed from them.

    Args:
        model: The compiled model.
        run: The run it belongs to.
        step: How many steps it has been trained for.

    Returns:
        The checkpoint's folder.

    Raises:
        UsageError: The checkpoint cannot be written.
        PartlyDone: The disk is full, or does not have enough free space; checked beforehand.
    """
    path = checkpoint_path(run, step)
    check_disk_space(run.directory, _estimate_bytes(model))
    run.flush_metrics()
    with atomic_directory(path) as part:
        save_model_weights(model, part / _WEIGHTS)
        file = CheckpointFile(step=step, sha256=sha256_of_file(part / _WEIGHTS))
        (part / "checkpoint.json").write_text(to_json(file), encoding="utf-8")
    _remove_expired(run, step)
    return path


def is_kept_permanently(run: Run, step: int) -> bool:
    """Return whether the checkpoint of a step is never deleted (`keep_every`).

    Args:
        run: The run.
        step: The step.
    """
    every = run.settings.keep_every
    return every > 0 and step % every == 0


def has_checkpoint(run: Run, step: int) -> bool:
    """Return whether a step has an undamaged checkpoint.

    Args:
        run: The run.
        step: The step.
    """
    return _find_damage(checkpoint_path(run, step)) is None


def mark_best(run: Run, step: int, metrics: Mapping[str, float]) -> None:
    """Mark a checkpoint as the best; it is kept until another one is marked.

    Args:
        run: The run.
        step: The checkpoint's step.
        metrics: The metrics of its evaluation by name.

    Raises:
        ArtifactRefused: The step has no undamaged checkpoint.
    """
    damage = _find_damage(checkpoint_path(run, step))
    if damage:
        raise ArtifactRefused(damage)
    file = BestFile(step=step, metrics=dict(metrics))
    write_text(checkpoints_directory(run) / _BEST, to_json(file))


def read_best(run: Run) -> BestFile | None:
    """Return which checkpoint is marked as the best; None if none is.

    Args:
        run: The run.

    Raises:
        ArtifactRefused: `best.json` is damaged or has another schema.
    """
    path = checkpoints_directory(run) / _BEST
    if not path.is_file():
        return None
    return read_document(path, BestFile, BEST_SCHEMA, "mark of the best checkpoint")


def latest_checkpoint(run: Run, warn: Callable[[str], object] = lambda _: None) -> tuple[Path, int]:
    """Find the newest undamaged checkpoint.

    Args:
        run: The run.
        warn: Called with a sentence about each newer checkpoint that is damaged.

    Returns:
        The checkpoint's folder and its step.

    Raises:
        ArtifactRefused: There is none.
    """
    damages: list[str] = []
    for path in reversed(list_checkpoints(run)):
        damage = _find_damage(path)
        if damage is None:
            for newer in damages:
                warn(f"{newer} The checkpoint of step {checkpoint_step(path)} is used instead.")
            return path, checkpoint_step(path)
        damages.append(damage)
    if damages:
        raise ArtifactRefused(
            f"{damages[0]} {run.directory} has no undamaged checkpoint; start a new run."
        )
    raise ArtifactRefused(f"{run.directory} has no checkpoint yet; train it first.")


def last_checkpoint_step(run: Run) -> int:
    """Return the step from which a run would resume: 0 without a checkpoint.

    Args:
        run: The run.

    Raises:
        ArtifactRefused: All checkpoints are damaged.
    """
    return latest_checkpoint(run)[1] if list_checkpoints(run) else 0


def find_checkpoint(
    run: Run, which: str, warn: Callable[[str], object] = lambda _: None
) -> tuple[Path, int]:
    """Find a checkpoint that a user names.

    Args:
        run: The run.
        which: "last", "best" or the number of a step.
        warn: Called with a sentence about each damaged checkpoint that is newer than the last one.

    Returns:
        The checkpoint's folder and its step.

    Raises:
        UsageError: `which` is something else.
        ArtifactRefused: There is no such checkpoint, or it is damaged.
    """
    if which == "last":
        return latest_checkpoint(run, warn)
    if which == "best":
        best = read_best(run)
        if best is None:
            raise ArtifactRefused(
                f"No evaluation has marked the best step of {run.directory} yet; export the last."
            )
        step = best.step
    elif which.isdecimal() and len(which) <= MAX_DIGITS:
        step = int(which)
    else:
        raise UsageError(f"{which!r} is not a step; give a number, last or best.")
    path = checkpoint_path(run, step)
    if not path.is_dir():
        steps = ", ".join(str(checkpoint_step(path)) for path in list_checkpoints(run)) or "none"
        raise ArtifactRefused(
            f"{run.directory} has no checkpoint of step {step}; its checkpoints are: {steps}."
        )
    if damage := _find_damage(path):
        raise ArtifactRefused(f"{damage} Choose another step.")
    return path, step


def restore_checkpoint(model: SwapModel, checkpoint: Path) -> None:
    """Load a checkpoint.

    Args:
        model: A compiled model of the same configuration; its state is overwritten.
        checkpoint: The checkpoint's folder.

    Raises:
        ArtifactRefused: The checkpoint is damaged or belongs to another network.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    check_weights_file(checkpoint / _WEIGHTS)
    try:
        with warnings.catch_warnings():
            # Keras only warns about layers that the file lacks, and keeps their initial weights.
            warnings.filterwarnings("error", category=UserWarning, module="keras")
            model.load_weights(checkpoint / _WEIGHTS)
    except OSError as error:
        raise ArtifactRefused(
            f"{checkpoint} cannot be read ({' '.join(str(error).split())})."
        ) from error
    except (ValueError, KeyError, UserWarning) as error:
        # Keras' message lists all layers over many lines.
        raise ArtifactRefused(
            f"{checkpoint} holds another network than its run's config.yaml describes; another "
            "version of Faceloom may have written it: use that version."
        ) from error


def _estimate_bytes(model: SwapModel) -> int:
    """Return an upper bound of the size of a checkpoint."""
    variables = (*model.weights, *model.optimizer.variables)
    return sum(4 * math.prod(v.shape) for v in variables) + _OVERHEAD_BYTES


def _remove_expired(run: Run, step: int) -> None:
    """Remove the checkpoints that are not kept now that `step` is saved."""
    best = read_best(run)
    checkpoints = list_checkpoints(run)
    earlier = [path for path in checkpoints if checkpoint_step(path) <= step]
    newest = earlier[-run.settings.keep_checkpoints :]
    for path in checkpoints:
        keep = (
            path in newest
            or is_kept_permanently(run, checkpoint_step(path))
            or (best is not None and best.step == checkpoint_step(path))
        )
        if path not in earlier or not keep:
            shutil.rmtree(path)


def _find_damage(path: Path) -> str | None:
    """Return a sentence about what is wrong with a checkpoint; None if it is undamaged."""
    try:
        file = read_document(
            path / "checkpoint.json", CheckpointFile, CHECKPOINT_SCHEMA, "checkpoint"
        )
    except ArtifactRefused as error:
        return str(error)
    weights = path / _WEIGHTS
    if file.step != checkpoint_step(path):
        return f"{path} is damaged (its checkpoint.json is of step {file.step})."
    if not weights.is_file() or sha256_of_file(weights) != file.sha256:
        return f"{path} is damaged (its checksum differs)."
    return None
