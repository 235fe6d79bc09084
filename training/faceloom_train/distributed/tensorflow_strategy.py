"""Several devices of one machine, and several machines, with TensorFlow."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from faceloom.array_types import float32
from faceloom_train.distributed.strategy import DeviceStrategy
from faceloom_train.keras_compat import report_error_to_cluster


def list_tensorflow_devices() -> list[str]:
    """Return the names of this machine's GPUs, or of its CPU if it has none."""
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in found]


class TensorFlowStrategy(DeviceStrategy):
    """Mirrored weights on each device of this machine."""

    def __init__(
        self, strategy: tf.distribute.Strategy, worker_count: int = 1, worker_index: int = 0
    ):
        """Use the devices of a TensorFlow strategy.

        Args:
            strategy: The strategy.
            worker_count: Processes that train together.
            worker_index: Which of them this is, from 0.
        """
        super().__init__(strategy.num_replicas_in_sync, worker_count, worker_index)
        self._strategy = strategy
        # All batches have the same size, so TensorFlow may rely on static shapes.
        strategy.extended.experimental_enable_get_next_as_optional = False

    def scope(self) -> AbstractContextManager[Any]:
        """Return TensorFlow's strategy scope."""
        return self._strategy.scope()

    def distribute(self, dataset: tf.data.Dataset) -> tf.distribute.DistributedDataset:
        """Divide the batches among this worker's devices.

        Args:
            dataset: The batches [face, ...] of all devices.

        Returns:
            One element for each device of this worker, one after the other.
        """
        own_devices = self.device_count // self.worker_count
        first = self.worker_index * own_devices

        def own_parts(value: tf.Tensor) -> tf.Tensor:
            shape = (self.device_count, value.shape[0] // self.device_count, *value.shape[1:])
            return tf.reshape(value, shape)[first : first + own_devices]

        parts = dataset.map(
            lambda batch: {name: own_parts(value) for name, value in batch.items()}
        ).unbatch()
        return self._strategy.distribute_datasets_from_function(lambda _: parts)


class MultiWorkerStrategy(TensorFlowStrategy):
    """A process on each of several machines, with all devices of each."""

    def __init__(self, addresses: Sequence[str], worker_index: int, gpus: Sequence[Any]):
        """Connect to the other workers.

        Args:
            addresses: HOST:PORT of each worker.
            worker_index: Which of them this is.
            gpus: This machine's GPUs to use, as physical devices; without any, its CPU is used.
        """
        tf.config.set_visible_devices(list(gpus), "GPU")
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(addresses)}),
            task_type="worker",
            task_id=worker_index,
            num_accelerators={"GPU": len(gpus)},
            rpc_layer="grpc",
        )
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
        super().__init__(strategy, len(addresses), worker_index)
        self._sum = tf.function(self._sum_over_workers, reduce_retracing=True, autograph=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Make the other workers' pending operations fail if this one leaves by an error.

        Otherwise TensorFlow waits for the others when this process ends.
        """
        if kind is None:
            return
        # Reporting fails if another worker has left before.
        with suppress(tf.errors.OpError):
            report_error_to_cluster(f"worker {self.worker_index} has left")

    @property
    def any_worker(self) -> Callable[[bool], bool]:
        """Function that returns whether any worker passes True."""
        return lambda value: bool(self._add(float32([value]))[0] > 0)

    def broadcast(self, text: str) -> str:
        """Return the first worker's text on all workers.

        Args:
            text: The text; ignored on all workers but the first.
        """
        is_first = self.worker_index == 0
        encoded = np.frombuffer(text.encode(), np.uint8)
        size = int(self._add(float32([len(encoded) if is_first else 0]))[0])
        received = self._add(encoded if is_first else np.zeros(size, np.uint8))
        return received.tobytes().decode()

    def broadcast_weights(self, model: keras.Model) -> None:
        """Copy the first worker's weights and optimizer state to all workers.

        Args:
            model: Each worker's model, compiled with the same settings.
        """
        for variable in (*model.weights, *model.optimizer.variables):
            value = ops.convert_to_numpy(variable)
            variable.assign(self._add(value if self.worker_index == 0 else np.zeros_like(value)))

    def is_worker_lost(self, error: BaseException) -> bool:
        """Return whether an error means that another worker does not respond.

        Args:
            error: The error; TensorFlow aborts all collective operations.
        """
        aborted = isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError))
        return aborted or (isinstance(error, tf.errors.OpError) and "Collective" in str(error))

    def _add(self, value: np.ndarray) -> np.ndarray:
        """Return the sum of the workers' values."""
        # float32 cannot represent all values of integer counters.
        wide = value if value.dtype == np.float32 else value.astype(np.float64)
        return self._sum(tf.constant(wide)).numpy().astype(value.dtype)

    def _sum_over_workers(self, value: tf.Tensor) -> tf.Tensor:
        own_devices = self.device_count // self.worker_count

        def add() -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            # Only the first device of each worker contributes.
            first = tf.cast(replica.replica_id_in_sync_group % own_devices == 0, value.dtype)
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, first * value)

        return self._strategy.experimental_local_results(self._strategy.run(add))[0]
