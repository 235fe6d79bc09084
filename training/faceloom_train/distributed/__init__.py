"""Compute a training step on one device, on several, or on several machines.

May import `faceloom`, `faceloom_train.config` and `faceloom_train.backend`; not the model.
"""

from faceloom_train.distributed.open_strategy import open_strategy
from faceloom_train.distributed.strategy import DeviceStrategy

__all__ = ["DeviceStrategy", "open_strategy"]
