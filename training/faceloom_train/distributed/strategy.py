"""The interface to the devices that compute a step; on its own, for a single device.

Each device has the weights and its part of a step's faces, so a step learns the same on any number
of devices (see `faceloom_train.model.train_step`). Devices are not part of a run's settings: a run
may be resumed on others.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

import keras
import tensorflow as tf

from faceloom.errors import UsageError
from faceloom_train.config.schema import TrainConfig


class DeviceStrategy:
    """The device that TensorFlow or JAX uses by default. Subclasses use several."""

    def __init__(self, device_count: int = 1, worker_count: int = 1, worker_index: int = 0):
        """Describe the devices.

        Args:
            device_count: Devices of all workers together.
            worker_count: Processes that train together, one on each machine.
            worker_index: Which of them this is. The first, 0, keeps the run and makes decisions.
        """
        self.device_count = device_count
        self.worker_count = worker_count
        self.worker_index = worker_index

    def __enter__(self) -> "DeviceStrategy":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Tell the other workers if this one leaves by an error: they would wait for it."""

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which a model for these devices is built.

        All workers must do the same inside it.
        """
        return nullcontext()

    def fit_scope(self) -> AbstractContextManager[Any]:
        """Return the context in which `fit` is called."""
        return nullcontext()

    def distribute(self, dataset: tf.data.Dataset) -> Any:
        """Divide the batches among the devices.

        Args:
            dataset: The batches [face, ...] of all devices.

        Returns:
            What `fit` takes.
        """
        return dataset

    def faces_per_device(self, settings: TrainConfig) -> int:
        """Return how many of a step's faces of each identity one device computes.

        Args:
            settings: The run's settings.

        Raises:
            UsageError: The faces cannot be divided equally.
        """
        if settings.batch_size % self.device_count:
            raise UsageError(
                f"A batch of {settings.batch_size} faces of each identity cannot be divided "
                f"equally among {self.device_count} devices; set batch_size to a multiple of "
                f"{self.device_count}."
            )
        return settings.batch_size // self.device_count

    @property
    def any_worker(self) -> Callable[[bool], bool] | None:
        """Function that returns whether any worker passes True; None if there is one worker.

        All workers must call it the same number of times.
        """
        return None

    def broadcast(self, text: str) -> str:
        """Return the first worker's text on all workers.

        Args:
            text: The text; ignored on all workers but the first.
        """
        return text

    def broadcast_weights(self, model: keras.Model) -> None:
        """Copy the first worker's weights and optimizer state to all workers.

        Args:
            model: Each worker's model, compiled with the same settings.
        """

    def is_worker_lost(self, error: BaseException) -> bool:
        """Return whether an error means that another worker does not respond.

        Args:
            error: The error.
        """
        return False
