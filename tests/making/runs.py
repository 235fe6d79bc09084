"""A run with a network so small that it trains in seconds."""

from pathlib import Path

from faceloom_train.config import TrainConfig
from faceloom_train.run import Run

NETWORK = {
    "kind": "df",
    "size": 32,
    "encoder": [8, 16],
    "code": 16,
    "decoder": [16, 8],
    "residuals": [0, 1],
    "head": 4,
}


def tiny_config(**changes: object) -> TrainConfig:
    settings = {"network": NETWORK, "steps": 4, "batch_size": 2, "checkpoint_every": 2, "log_every": 1}
    return TrainConfig.model_validate({**settings, "preview_every": 100, **changes})


def tiny_run(directory: Path, facesets: dict[str, Path], **changes: object) -> Run:
    return Run.create(directory, facesets, tiny_config(**changes))
