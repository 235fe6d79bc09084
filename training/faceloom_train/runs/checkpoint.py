"""Save and restore a model's whole state: weights, optimizer, averaged weights, step."""

import math
import re
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from faceloom.atomic import refuse_full_disk, replacing_directory, write_text
from faceloom.errors import ArtifactRefused, UsageError
from faceloom.hashing import sha256_of_file
from faceloom.json_documents import Strict, read_document, to_json
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.hdf5_validation import refuse_foreign_weights
from faceloom_train.runs.run_directory import Run

SCHEMA: Literal[1] = 1
_WEIGHTS = "state.weights.h5"
_BEST = "best.json"
_DIGITS = 12
_STEP = re.compile(rf"step-[0-9]{{8,{_DIGITS}}}")


class CheckpointFile(Strict):
    """`checkpoint.json`: the batches of step `step` and later have not been seen."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    step: Annotated[int, Field(ge=0)]
    sha256: str


class BestFile(Strict):
    """`best.json` beside the checkpoints: which one an evaluation liked best, and its figures."""

    schema_number: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    step: Annotated[int, Field(ge=0)]
    figures: dict[str, float]


def save_checkpoint(model: SwapModel, run: Run, step: int) -> Path:
    """Write a checkpoint of the model after `step` batches, then remove those that need not be kept.

    Kept are the newest `keep_checkpoints`, every snapshot and the best, none of a later step: had one been
    whole, the run would have gone on from there. Raises PartlyDone if the disk is too full: HDF5 does not
    survive finding that out by itself.
    """
    path = _path(run, step)
    refuse_full_disk(run.directory, _size(model))
    with replacing_directory(path) as part:
        model.save_weights(part / _WEIGHTS)
        file = CheckpointFile(step=step, sha256=sha256_of_file(part / _WEIGHTS))
        (part / "checkpoint.json").write_text(to_json(file), encoding="utf-8")
    _remove_others(run, step)
    return path


def is_snapshot(run: Run, step: int) -> bool:
    """Say whether the checkpoint of a step is kept for ever."""
    every = run.settings.snapshot_every
    return every > 0 and step % every == 0


def has_checkpoint(run: Run, step: int) -> bool:
    """Say whether the checkpoint of a step is there and whole."""
    return _damage(_path(run, step)) is None


def mark_best(run: Run, step: int, figures: Mapping[str, float]) -> None:
    """Keep the checkpoint of `step`, until another is marked. For evaluations; `figures` say why.

    Raises ArtifactRefused if there is no whole checkpoint of that step.
    """
    problem = _damage(_path(run, step))
    if problem:
        raise ArtifactRefused(problem)
    write_text(_directory(run) / _BEST, to_json(BestFile(step=step, figures=dict(figures))))


def read_best(run: Run) -> BestFile | None:
    """Return what `mark_best` wrote last, None if nothing was marked."""
    path = _directory(run) / _BEST
    return (
        read_document(path, BestFile, SCHEMA, "mark of the best checkpoint")
        if path.is_file()
        else None
    )


def list_checkpoints(run: Run) -> list[Path]:
    """Return the checkpoints of a run, the oldest first."""
    return sorted(path for path in _directory(run).glob("step-*") if _STEP.fullmatch(path.name))


def latest_checkpoint(
    run: Run, notice: Callable[[str], object] = lambda _: None
) -> tuple[Path, int]:
    """Return the newest whole checkpoint and its step; tell `notice` of each newer one that is damaged.

    Raises ArtifactRefused if there is none.
    """
    problems: list[str] = []
    for path in reversed(list_checkpoints(run)):
        problem = _damage(path)
        if not problem:
            for said in problems:
                notice(f"{said} The whole one before it is used, of step {_step(path)}.")
            return path, _step(path)
        problems.append(problem)
    if problems:
        raise ArtifactRefused(
            f"{problems[0]} No checkpoint of {run.directory} is whole; begin a new run."
        )
    raise ArtifactRefused(f"{run.directory} has no checkpoint yet; train it first.")


def find_checkpoint(
    run: Run, which: str, notice: Callable[[str], object] = lambda _: None
) -> tuple[Path, int]:
    """Return a whole checkpoint and its step: the "last", the "best" that an evaluation marked, or that of a step.

    Raises UsageError for another word, ArtifactRefused if there is no such checkpoint or it is damaged.
    """
    if which == "last":
        return latest_checkpoint(run, notice)
    if which == "best":
        best = read_best(run)
        if best is None:
            raise ArtifactRefused(
                f"No evaluation has marked the best step of {run.directory} yet; export the last."
            )
        step = best.step
    elif which.isdecimal() and len(which) <= _DIGITS:
        step = int(which)
    else:
        raise UsageError(f"{which!r} is no step; give a number, last or best.")
    path = _path(run, step)
    if not path.is_dir():
        kept = ", ".join(str(_step(path)) for path in list_checkpoints(run)) or "none"
        raise ArtifactRefused(
            f"{run.directory} has no checkpoint of step {step}; those that it keeps: {kept}."
        )
    if problem := _damage(path):
        raise ArtifactRefused(f"{problem} Name another step.")
    return path, step


def restore_checkpoint(model: SwapModel, checkpoint: Path) -> None:
    """Load a checkpoint into a compiled model of the same configuration."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    refuse_foreign_weights(checkpoint / _WEIGHTS)
    try:
        with warnings.catch_warnings():
            # Of layers that a file lacks Keras only warns, and leaves them as they were made.
            warnings.filterwarnings("error", category=UserWarning, module="keras")
            model.load_weights(checkpoint / _WEIGHTS)
    except OSError as error:
        raise ArtifactRefused(
            f"{checkpoint} cannot be read ({' '.join(str(error).split())})."
        ) from error
    except (ValueError, KeyError, UserWarning) as error:
        # Keras says at length which layers they are.
        raise ArtifactRefused(
            f"{checkpoint} holds another network than its run's config.yaml describes, as those of another version of "
            "Faceloom may: only that version can use it."
        ) from error


def _size(model: SwapModel) -> int:
    """Bytes of a checkpoint, and a little more."""
    weights = (*model.weights, *model.optimizer.variables)
    return sum(4 * math.prod(w.shape) for w in weights) + 10_000_000


def _remove_others(run: Run, step: int) -> None:
    """Remove the checkpoints that need not be kept now that `step` is saved."""
    best = read_best(run)
    checkpoints = list_checkpoints(run)
    past = [path for path in checkpoints if _step(path) <= step]
    newest = past[-run.settings.keep_checkpoints :]
    for path in checkpoints:
        kept = (
            path in newest
            or is_snapshot(run, _step(path))
            or (best is not None and best.step == _step(path))
        )
        if path not in past or not kept:
            shutil.rmtree(path)


def _damage(path: Path) -> str | None:
    """Say in one sentence what is wrong with a checkpoint; None if it is whole."""
    try:
        file = read_document(path / "checkpoint.json", CheckpointFile, SCHEMA, "checkpoint")
    except ArtifactRefused as refused:
        return str(refused)
    weights = path / _WEIGHTS
    if file.step != _step(path):
        return f"{path} is damaged (it says that it is of step {file.step})."
    if not weights.is_file() or sha256_of_file(weights) != file.sha256:
        return f"{path} is damaged (its checksum differs)."
    return None


def _directory(run: Run) -> Path:
    return run.directory / "checkpoints"


def _path(run: Run, step: int) -> Path:
    return _directory(run) / f"step-{step:08d}"


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))
