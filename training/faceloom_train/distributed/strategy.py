"""Where a step is computed: on one device, on several of this machine, or on those of several machines.

Each device has the weights and its share of a step's faces, so a step learns the same, however many share it
(`faceloom_train.model.train_step`). Nothing of this is a setting of a run: it may be continued on others.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import tensorflow as tf

from faceloom.errors import UsageError
from faceloom.progress import ProgressCallback
from faceloom_train.config.schema import TrainConfig
from faceloom_train.distributed.rendezvous import meet, parse_workers


class Devices:
    """One device: what TensorFlow or JAX uses by itself.

    count: devices of all workers together. workers: the processes that train together, one a machine;
    number: which of them this is. The first, 0, keeps the run and decides.
    """

    def __init__(self, count: int = 1, workers: int = 1, number: int = 0):
        self.count, self.workers, self.number = count, workers, number

    def __enter__(self) -> "Devices":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        """Let the other workers know if this one leaves by an error: they would wait for it."""

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which a model for these devices is built; all workers must do the same in it."""
        return nullcontext()

    def fitting(self) -> AbstractContextManager[Any]:
        """Return the context for `fit`."""
        return nullcontext()

    def share(self, dataset: tf.data.Dataset) -> Any:
        """Return what `fit` takes: the batches [face, ...] of all, divided among the devices."""
        return dataset

    def faces_on_each(self, settings: TrainConfig) -> int:
        """Return how many of a step's faces of each identity are on each device; raise UsageError if they differ."""
        if settings.faces_per_step % self.count:
            raise UsageError(
                f"A step of {settings.faces_per_step} faces of each identity cannot be shared alike by {self.count} "
                "devices; set effective_batch_size to a multiple of that."
            )
        return settings.faces_per_step // self.count

    @property
    def agree(self) -> Callable[[bool], bool] | None:
        """Ask all workers whether one of them says yes; None if there is nobody to ask."""
        return None

    def tell(self, text: str) -> str:
        """Return the first worker's text, to all of them."""
        return text

    def copy_from_first(self, model: keras.Model) -> None:
        """Give every worker's model the weights and optimizer state of the first one's."""

    def is_lost(self, error: BaseException) -> bool:
        """Whether an error says that another worker is gone."""
        return False


def open_devices(
    devices: str = "1",
    workers: str | None = None,
    number: int | None = None,
    report: ProgressCallback = lambda _: None,
) -> Devices:
    """Return the devices that are asked for: a number of this machine's, or "all" it has.

    workers: HOST:PORT of each machine, with commas; number: which of them this is. Waits until all are there.
    Must come before anything is computed. Raises UsageError for what cannot be had.
    """
    if workers is None and number is not None:
        raise UsageError("--worker says which of --workers this is; name them all.")
    if workers is None and devices == "1":
        return Devices()
    if keras.backend.backend() == "jax":
        if workers is not None:
            raise UsageError(
                "Several workers need TensorFlow; unset KERAS_BACKEND, or use one machine."
            )
        from faceloom_train.distributed.jax_strategy import ShardedDevices, jax_devices  # noqa: PLC0415  only with JAX

        names = _chosen(devices, jax_devices())
        return ShardedDevices(names) if len(names) > 1 else Devices()
    from faceloom_train.distributed.tensorflow_strategy import (
        MirroredDevices,
        Workers,
        tensorflow_devices,
    )

    if workers is None:
        names = _chosen(devices, tensorflow_devices())
        return (
            MirroredDevices(tf.distribute.MirroredStrategy(names)) if len(names) > 1 else Devices()
        )
    addresses = parse_workers(workers, number)
    gpus = tf.config.list_physical_devices("GPU")
    gpus = _chosen(devices, gpus) if gpus or devices not in ("1", "all") else []
    assert number is not None, "parse_workers asks for it"
    meet(addresses, number, report)
    return Workers(addresses, number, gpus)


def _chosen(asked: str, there: list[Any]) -> list[Any]:
    """Return as many devices as are asked for."""
    if asked == "all":
        return there
    if not asked.isdecimal() or int(asked) < 1:
        raise UsageError(f"--devices {asked}: give a number from 1, or all.")
    if int(asked) > len(there):
        raise UsageError(
            f"--devices {asked}: there are {len(there)} here ({keras.backend.backend()} sees no more)."
        )
    return there[: int(asked)]
