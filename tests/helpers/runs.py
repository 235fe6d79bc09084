"""Runs with a network so small that it trains in seconds."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from faceloom_train.config.schema import TrainConfig
from faceloom_train.runs.checkpoint import latest_checkpoint
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


def metrics_rows(run: Run) -> list[dict[str, Any]]:
    """All rows of a run's metrics; unlike `Run.read_metrics`, fails for an invalid line."""
    return [json.loads(line) for line in run.metrics_path.read_text().splitlines()]


def checkpoint_arrays(run: Run) -> dict[str, np.ndarray]:
    """All arrays of the last checkpoint: weights, optimizer state, averaged weights."""
    arrays: dict[str, np.ndarray] = {}

    def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[...]

    with h5py.File(latest_checkpoint(run)[0] / "state.weights.h5") as file:
        file.visititems(collect)
    return arrays
