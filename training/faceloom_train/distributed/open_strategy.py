"""Choose the devices that the `train` command asks for."""

from collections.abc import Sequence
from typing import TypeVar

import keras
import tensorflow as tf

from faceloom.errors import UsageError
from faceloom.progress import ProgressCallback
from faceloom_train.distributed.jax_strategy import JaxStrategy, list_jax_devices
from faceloom_train.distributed.rendezvous import parse_worker_addresses, rendezvous
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.distributed.tensorflow_strategy import (
    MultiWorkerStrategy,
    TensorFlowStrategy,
    list_tensorflow_devices,
)

Device = TypeVar("Device")


def open_strategy(
    devices: str = "1",
    workers: str | None = None,
    worker_index: int | None = None,
    report: ProgressCallback = lambda _: None,
) -> DeviceStrategy:
    """Open the devices of a command. Must be called before TensorFlow computes anything.

    Args:
        devices: How many of this machine's devices to use, or "all".
        workers: HOST:PORT of each worker, separated by commas; None: train on this machine alone.
        worker_index: Which of `workers` this process is.
        report: Called with progress while waiting for the other workers.

    Raises:
        UsageError: The arguments are invalid, or devices or workers are not available.
    """
    if workers is None:
        if worker_index is not None:
            raise UsageError("--worker selects one of --workers; pass --workers too.")
        return _open_local_strategy(devices)
    if keras.backend.backend() == "jax":
        raise UsageError(
            "--workers needs TensorFlow; unset KERAS_BACKEND, or train on one machine."
        )
    addresses, index = parse_worker_addresses(workers, worker_index)
    gpus = tf.config.list_physical_devices("GPU")
    if gpus or devices not in ("1", "all"):
        gpus = _select_devices(devices, gpus)
    rendezvous(addresses, index, report)
    return MultiWorkerStrategy(addresses, index, gpus)


def _open_local_strategy(devices: str) -> DeviceStrategy:
    if devices == "1":
        return DeviceStrategy()
    if keras.backend.backend() == "jax":
        names = _select_devices(devices, list_jax_devices())
        return JaxStrategy(names) if len(names) > 1 else DeviceStrategy()
    names = _select_devices(devices, list_tensorflow_devices())
    if len(names) == 1:
        return DeviceStrategy()
    return TensorFlowStrategy(tf.distribute.MirroredStrategy(names))


def _select_devices(requested: str, available: Sequence[Device]) -> Sequence[Device]:
    """Return the first of the available devices, as many as requested."""
    if requested == "all":
        return available
    if not requested.isdecimal() or int(requested) < 1:
        raise UsageError(f"--devices {requested}: give a number from 1, or all.")
    if int(requested) > len(available):
        raise UsageError(
            f"--devices {requested}: {keras.backend.backend()} finds only {len(available)} on this "
            "machine."
        )
    return available[: int(requested)]
