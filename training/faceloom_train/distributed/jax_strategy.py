"""Several devices of one machine with JAX."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras

from faceloom_train.distributed.strategy import DeviceStrategy


def list_jax_devices() -> list[str]:
    """Return the names of this machine's accelerators, or of its CPU if it has none."""
    return list(keras.distribution.list_devices())


class JaxStrategy(DeviceStrategy):
    """Data parallelism by Keras: the weights on each device, and a part of each batch."""

    def __init__(self, names: Sequence[str]):
        """Use some devices.

        Args:
            names: Their names, as `list_jax_devices` returns them.
        """
        super().__init__(len(names))
        self._distribution = keras.distribution.DataParallel(devices=list(names))

    def scope(self) -> AbstractContextManager[Any]:
        """Return Keras' distribution scope."""
        return self._distribution.scope()

    fit_scope = scope
