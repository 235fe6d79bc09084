"""The folder of a run: configuration, metrics, checkpoints, and how a run is opened.

May import `faceloom` and, of `faceloom_train`, model, data, augmentation, distributed and config.
The package itself imports no Keras, so that `faceloom inspect` stays fast.
"""

from faceloom_train.runs.describe import describe_run
from faceloom_train.runs.run_directory import Row, Run

__all__ = ["Row", "Run", "describe_run"]
