"""A run with a network so small that it trains in seconds."""

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
}


def tiny_config(**changes: object) -> TrainConfig:
    settings = {
        "network": NETWORK,
        "steps": 4,
        "batch_size": 2,
        "checkpoint_every": 2,
        "log_every": 1,
    }
    # Compiling a network so small takes ten times as long as it trains.
    settings |= {"evaluate_every": 0, "jit_compile": False}
    return TrainConfig.model_validate({**settings, "preview_every": 100, **changes})


def tiny_run(directory: Path, facesets: dict[str, Path], **changes: object) -> Run:
    return Run.create(directory, facesets, tiny_config(**changes))


def rows(run: Run) -> list[dict[str, Any]]:
    """The metrics of a run."""
    return [json.loads(line) for line in run.metrics_path.read_text().splitlines()]


def checkpoint_arrays(run: Run) -> dict[str, np.ndarray]:
    """Every array of the last checkpoint: weights, optimizer, averages."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(latest_checkpoint(run)[0] / "state.weights.h5") as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[...]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found
