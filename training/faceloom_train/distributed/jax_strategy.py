"""Several devices of one machine with JAX."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras

from faceloom_train.distributed.strategy import Devices


def jax_devices() -> list[str]:
    """Return the names of this machine's accelerators, or of its CPU if it has none."""
    return list(keras.distribution.list_devices())


class ShardedDevices(Devices):
    """Keras keeps the same weights on each device and gives it its share of the batch."""

    def __init__(self, names: Sequence[str]):
        super().__init__(len(names))
        self._distribution = keras.distribution.DataParallel(devices=list(names))

    def scope(self) -> AbstractContextManager[Any]:
        """Return Keras' own context."""
        return self._distribution.scope()

    fitting = scope
