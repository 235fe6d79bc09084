"""Create a run or open an existing one, as the `train` command asks for."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from faceloom.errors import UsageError
from faceloom_train.config.schema import TrainConfig
from faceloom_train.data.preview_faces import check_preview_faces
from faceloom_train.model.model_builder import build_compiled_model
from faceloom_train.model.swap_model import SwapModel
from faceloom_train.runs.base_weights import check_base, resolve_start
from faceloom_train.runs.checkpoint import (
    last_checkpoint_step,
    latest_checkpoint,
    restore_checkpoint,
)
from faceloom_train.runs.faceset_check import check_face_sets
from faceloom_train.runs.precision import resolve_precision
from faceloom_train.runs.run_directory import Run, is_base
from faceloom_train.runs.warm_start import check_compatible

log = logging.getLogger(__name__)

# Value of --init-from for random weights.
_NO_START = "none"

# Returns the requested settings, given those of the existing run (None: a new run). None means that
# none were requested.
SettingsCallback = Callable[[TrainConfig | None], TrainConfig | None]


def open_run(
    directory: Path,
    faces: Mapping[str, Path],
    settings: SettingsCallback,
    init_from: str | Path | None = None,
    *,
    rename: bool = False,
) -> Run:
    """Create a run in `directory`, or open the one that exists there.

    Args:
        directory: The run's folder.
        faces: Face set of each identity; may be empty for an existing run.
        settings: Returns the requested settings, given those of the existing run.
        init_from: The run or base, or the name of a base that ships, whose weights a new run starts
            from; "none": random weights; None: the base of the settings, if they name one.
        rename: Whether an identity's name may differ from that in its face set.

    Raises:
        UsageError: The arguments are incomplete, or do not match the existing run.
        ArtifactRefused: A run or face set cannot be used.
    """
    if not Run.exists(directory):
        return _create_run(directory, faces, settings(None), init_from, rename=rename)
    run = Run.read(directory)
    if faces and _resolve_paths(faces) != run.faces:
        current = ", ".join(f"{name}={path}" for name, path in run.faces.items())
        raise UsageError(
            f"{directory} was created with {current}; pass the same --faces to continue it, or "
            "none."
        )
    if init_from is not None and _absolute_start(init_from) != run.init_from:
        started = run.base or run.init_from or _NO_START
        raise UsageError(
            f"{directory} exists already and started from {started}, not from {init_from}; name "
            "another folder with --run, or leave --init-from out to continue this one."
        )
    requested = settings(run.settings) or run.settings
    step = last_checkpoint_step(run)
    if requested.steps < step:
        raise UsageError(
            f"{directory} has already trained {step} steps, more than the {requested.steps} "
            f"requested, and was not changed; export it, or train longer with --steps {2 * step}."
        )
    if requested.preview_faces != run.settings.preview_faces:
        check_preview_faces(requested.preview_faces, run.faces)
    requested = _keep_face_mask(requested, run.settings)
    return run.with_settings(resolve_precision(requested, run.settings), step)


def _create_run(
    directory: Path,
    faces: Mapping[str, Path],
    settings: TrainConfig | None,
    init_from: str | Path | None,
    *,
    rename: bool,
) -> Run:
    if settings is None:
        raise UsageError(f"{directory} is a new run; name a preset with --config.")
    for warning in check_face_sets(faces, rename=rename):
        log.warning("%s", warning)
    check_preview_faces(settings.preview_faces, faces)
    start = _absolute_start(init_from or settings.base)
    if start is not None:
        _check_init_from(start, settings)
    return Run.create(directory, _resolve_paths(faces), resolve_precision(settings, None), start)


def _absolute_start(init_from: str | Path | None) -> Path | None:
    """Return the absolute path of a run or base to start from; None: random weights."""
    if init_from is None or str(init_from) == _NO_START:
        return None
    return resolve_start(init_from).resolve()


def _keep_face_mask(requested: TrainConfig, current: TrainConfig) -> TrainConfig:
    """Return the requested settings with the run's `face_mask`, unless they name one."""
    if "face_mask" in requested.model_fields_set:
        return requested
    return requested.model_copy(update={"face_mask": current.face_mask})


def _check_init_from(init_from: Path, settings: TrainConfig) -> None:
    """Check that a new run can start from the weights of a base or another run."""
    if is_base(init_from):
        check_base(init_from, SwapModel(settings, ["any"]))
        return
    source = Run.read(init_from)
    source_model = build_compiled_model(source.settings, source.identities)
    restore_checkpoint(source_model, latest_checkpoint(source)[0])
    check_compatible(SwapModel(settings, ["any"]), source_model, init_from)


def _resolve_paths(faces: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path.resolve() for name, path in faces.items()}
