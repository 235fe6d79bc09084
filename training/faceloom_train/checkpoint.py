"""Save and restore a model's whole state: weights, optimizer, averaged weights, step."""

import math
import shutil
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom.atomic import refuse_full_disk, replacing_directory
from faceloom.digest import sha256_of_file
from faceloom.documents import Strict, read_document, to_json
from faceloom.errors import ArtefactRefused
from faceloom_train.model import SwapModel
from faceloom_train.run import Run

SCHEMA: Literal[1] = 1
_WEIGHTS = "state.weights.h5"


class CheckpointFile(Strict):
    """`checkpoint.json`: the batches of step `step` and later have not been seen."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    step: Annotated[int, Field(ge=0)]
    sha256: str


def save_checkpoint(model: SwapModel, run: Run, step: int) -> Path:
    """Write a checkpoint of the model after `step` batches, then remove the oldest beyond the number to keep.

    Raises PartlyDone if the disk is too full for it: HDF5 does not survive finding that out by itself.
    """
    path = _directory(run) / f"step-{step:08d}"
    refuse_full_disk(run.directory, _size(model))
    with replacing_directory(path) as part:
        model.save_weights(part / _WEIGHTS)
        file = CheckpointFile(step=step, sha256=sha256_of_file(part / _WEIGHTS))
        (part / "checkpoint.json").write_text(to_json(file), encoding="utf-8")
    for old in list_checkpoints(run)[: -run.settings.keep_checkpoints]:
        shutil.rmtree(old)
    return path


def list_checkpoints(run: Run) -> list[Path]:
    """Return the checkpoints of a run, the oldest first."""
    return sorted(path for path in _directory(run).glob("step-*") if path.suffix != ".part")


def latest_checkpoint(run: Run) -> tuple[Path, int]:
    """Return the newest checkpoint and its step; raise ArtefactRefused if there is none or it is damaged."""
    checkpoints = list_checkpoints(run)
    if not checkpoints:
        raise ArtefactRefused(f"{run.directory} has no checkpoint yet; train it first.")
    path = checkpoints[-1]
    file = read_document(path / "checkpoint.json", CheckpointFile, SCHEMA, "checkpoint")
    weights = path / _WEIGHTS
    if not weights.is_file() or sha256_of_file(weights) != file.sha256:
        raise ArtefactRefused(
            f"{path} is damaged (its checksum differs); delete this folder to continue from the one before."
        )
    return path, file.step


def restore_checkpoint(model: SwapModel, checkpoint: Path) -> None:
    """Load a checkpoint into a compiled model of the same configuration."""
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(checkpoint / _WEIGHTS)
    except (ValueError, OSError, KeyError) as error:
        raise ArtefactRefused(f"{checkpoint} does not fit the run's configuration ({error}).") from error


def _size(model: SwapModel) -> int:
    """Bytes of a checkpoint, and a little more."""
    weights = (*model.weights, *model.optimizer.variables)
    return sum(4 * math.prod(w.shape) for w in weights) + 10_000_000


def _directory(run: Run) -> Path:
    return run.directory / "checkpoints"
