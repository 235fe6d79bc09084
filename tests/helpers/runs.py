"""Runs with a network so small that it trains in seconds."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from faceloom_train.config.schema import TrainConfig
from faceloom_train.loop.initial_state import load_training_faces, restore_or_initialize
from faceloom_train.model.model_builder import build_compiled_model, dtype_policy
from faceloom_train.runs.checkpoint import latest_checkpoint, save_checkpoint
from faceloom_train.runs.checkpoint_paths import checkpoint_path
from faceloom_train.runs.run_directory import Run

NETWORK = {
    "kind": "df",
    "size": 32,
    "encoder": [8, 16],
    "latent_dim": 16,
    "decoder": [16, 8],
    "residual_blocks": [0, 1],
    "output_stride": 4,
    "mean_face_max_shift": 0.15,
    "mean_face_light": True,
    "mean_face_linear": True,
}

LIAE_NETWORK = {
    "kind": "liae",
    **{key: value for key, value in NETWORK.items() if key not in ("kind", "mean_face_linear")},
}

# TensorFlow traces each model anew, which takes longer than its steps and grows with its layers.
_SIMPLE = {
    "network": {
        "kind": "df",
        "size": 32,
        "encoder": [8],
        "latent_dim": 8,
        "decoder": [8],
        "residual_blocks": [0],
        "shared_stages": 0,
    },
    "augmentation": {"occlusion_probability": 0, "degradation_probability": 0},
}


def simple_config(**changes: object) -> TrainConfig:
    """`tiny_config`, for tests of the loop: the fewest layers, no occlusion, no degradation."""
    return tiny_config(**{**_SIMPLE, **changes})


def simple_run(directory: Path, facesets: dict[str, Path], **changes: object) -> Run:
    """A new run with `simple_config(**changes)`."""
    return Run.create(directory, facesets, simple_config(**changes))


def tiny_config(**changes: object) -> TrainConfig:
    """A configuration that trains 4 steps, with changes by key."""
    settings = {
        "network": NETWORK,
        "steps": 4,
        "batch_size": 2,
        "checkpoint_every": 2,
        "log_every": 1,
        "evaluate_every": 0,
        "preview_every": 100,
        # Compiling so small a network takes ten times as long as training it.
        "jit_compile": False,
    }
    return TrainConfig.model_validate({**settings, **changes})


def tiny_run(directory: Path, facesets: dict[str, Path], **changes: object) -> Run:
    """A new run with `tiny_config(**changes)`."""
    return Run.create(directory, facesets, tiny_config(**changes))


def write_checkpoints(run: Run, *steps: int) -> Run:
    """Write checkpoints of a new run without training it: training takes most of a test's time.

    All have the same weights: the initial ones, mean faces included, with random noise.
    """
    with dtype_policy(run.settings.precision):
        model = build_compiled_model(run.settings, run.identities)
        restore_or_initialize(model, run, load_training_faces(run))
    random = np.random.default_rng(0)
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    averages = optimizer._model_variables_moving_average
    for variable, average in zip(model.trainable_variables, averages, strict=True):
        value = np.asarray(variable, np.float32)
        average.assign(value + random.normal(0, 0.01, value.shape))
        variable.assign(value + random.normal(0, 0.01, value.shape))
    for step in steps:
        save_checkpoint(model, run, step)
    return run


def metrics_rows(run: Run) -> list[dict[str, Any]]:
    """All rows of a run's metrics; unlike `Run.read_metrics`, fails for an invalid line."""
    return [json.loads(line) for line in run.metrics_path.read_text().splitlines()]


def checkpoint_arrays(run: Run, step: int | None = None) -> dict[str, np.ndarray]:
    """All arrays of a checkpoint, or of the last: weights, optimizer state, averaged weights."""
    path = latest_checkpoint(run)[0] if step is None else checkpoint_path(run, step)
    arrays: dict[str, np.ndarray] = {}

    def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[...]

    with h5py.File(path / "state.weights.h5") as file:
        file.visititems(collect)
    return arrays
