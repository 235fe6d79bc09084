"""Create a run or open an existing one, as the `train` command asks for."""

from collections.abc import Callable, Mapping
from pathlib import Path

from faceloom.errors import UsageError
from faceloom.faceset import FaceSet
from faceloom_train.config.schema import TrainConfig
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.checkpoint import (
    last_checkpoint_step,
    latest_checkpoint,
    restore_checkpoint,
)
from faceloom_train.runs.precision import resolve_precision
from faceloom_train.runs.run_directory import Run
from faceloom_train.runs.warm_start import check_compatible

# Returns the requested settings, given those of the existing run (None: a new run). None means that
# none were requested.
SettingsCallback = Callable[[TrainConfig | None], TrainConfig | None]


def open_run(
    directory: Path,
    faces: Mapping[str, Path],
    settings: SettingsCallback,
    init_from: Path | None = None,
) -> Run:
    """Create a run in `directory`, or open the one that exists there.

    Args:
        directory: The run's folder.
        faces: Face set of each identity; may be empty for an existing run.
        settings: Returns the requested settings, given those of the existing run.
        init_from: The run whose weights a new run starts from; None: random weights.

    Raises:
        UsageError: The arguments are incomplete, or do not match the existing run.
        ArtifactRefused: A run or face set cannot be used.
    """
    if not Run.exists(directory):
        return _create_run(directory, faces, settings(None), init_from)
    run = Run.read(directory)
    if faces and _resolve_paths(faces) != run.faces:
        current = ", ".join(f"{name}={path}" for name, path in run.faces.items())
        raise UsageError(
            f"{directory} was created with {current}; pass the same --faces to continue it, or "
            "none."
        )
    if init_from is not None and init_from.resolve() != run.init_from:
        raise UsageError(
            f"{directory} exists already and did not start from {init_from}; create a new run with "
            "--init-from."
        )
    requested = settings(run.settings) or run.settings
    return run.with_settings(resolve_precision(requested, run.settings), last_checkpoint_step(run))


def _create_run(
    directory: Path,
    faces: Mapping[str, Path],
    settings: TrainConfig | None,
    init_from: Path | None,
) -> Run:
    if settings is None:
        raise UsageError(f"{directory} is a new run; name a preset with --config.")
    _check_faces(faces)
    if init_from is not None:
        _check_init_from(init_from, settings)
    return Run.create(
        directory, _resolve_paths(faces), resolve_precision(settings, None), init_from
    )


def _check_faces(faces: Mapping[str, Path]) -> None:
    """Check the face sets of a new run before anything is written."""
    if len(faces) < 2:
        raise UsageError(
            f"A swap needs two identities or more and got {len(faces)}; pass --faces NAME=FACESET "
            "once for each."
        )
    if len({path.resolve() for path in faces.values()}) < len(faces):
        raise UsageError("Two identities have the same face set; give each its own.")
    for path in faces.values():
        FaceSet.read(path)


def _check_init_from(init_from: Path, settings: TrainConfig) -> None:
    """Check that a new run can start from the weights of another."""
    source = Run.read(init_from)
    source_model = build_compiled_model(source.settings, source.identities)
    restore_checkpoint(source_model, latest_checkpoint(source)[0])
    check_compatible(SwapModel(settings, ["any"]), source_model, init_from)


def _resolve_paths(faces: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path.resolve() for name, path in faces.items()}
