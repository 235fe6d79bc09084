"""Several devices of one machine, and several machines, with TensorFlow."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from tensorflow.python.eager import context

from faceloom.array_types import float32
from faceloom_train.distributed.strategy import Devices


def tensorflow_devices() -> list[str]:
    """Return the names of this machine's GPUs, or of its CPU if it has none."""
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in found]


class MirroredDevices(Devices):
    """TensorFlow keeps the same weights on each device."""

    def __init__(self, strategy: tf.distribute.Strategy, workers: int = 1, number: int = 0):
        super().__init__(strategy.num_replicas_in_sync, workers, number)
        self._strategy = strategy
        # All batches have the same number of faces: TensorFlow need not look, and knows their shapes.
        strategy.extended.experimental_enable_get_next_as_optional = False

    def scope(self) -> AbstractContextManager[Any]:
        """Return TensorFlow's own context."""
        return self._strategy.scope()

    def share(self, dataset: tf.data.Dataset) -> tf.distribute.DistributedDataset:
        """Return the batches with an element for each device of this worker, one after the other."""
        own = self.count // self.workers

        def shares(value: tf.Tensor) -> tf.Tensor:
            shape = (self.count, value.shape[0] // self.count, *value.shape[1:])
            return tf.reshape(value, shape)[self.number * own : (self.number + 1) * own]

        divided = dataset.map(
            lambda batch: {name: shares(value) for name, value in batch.items()}
        ).unbatch()
        return self._strategy.distribute_datasets_from_function(lambda _: divided)


class Workers(MirroredDevices):
    """A process on each of several machines, with all devices of each."""

    def __init__(self, addresses: Sequence[str], number: int, gpus: Sequence[Any]):
        """Join the others. gpus: this machine's that are used; without any it computes on its CPU."""
        tf.config.set_visible_devices(list(gpus), "GPU")
        place = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(addresses)}),
            task_type="worker",
            task_id=number,
            num_accelerators={"GPU": len(gpus)},
            rpc_layer="grpc",
        )
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=place)
        super().__init__(strategy, len(addresses), number)
        self._sum = tf.function(self._sum_over_workers, reduce_retracing=True, autograph=False)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        """Make what the others wait for fail. Without that TensorFlow would wait for them when this process ends."""
        if kind is None:
            return
        # There is nobody to tell if another one has left before.
        with suppress(tf.errors.OpError):
            context.context().report_error_to_cluster(
                tf.errors.ABORTED, f"worker {self.number} has left"
            )

    @property
    def agree(self) -> Callable[[bool], bool]:
        """Ask all workers whether one of them says yes."""
        return lambda says: bool(self._added(float32([says]))[0] > 0)

    def tell(self, text: str) -> str:
        """Return the first worker's text, to all of them."""
        said = np.frombuffer(text.encode(), np.uint8)
        size = int(self._added(float32([len(said) if self.number == 0 else 0]))[0])
        heard = self._added(said if self.number == 0 else np.zeros(size, np.uint8))
        return heard.tobytes().decode()

    def copy_from_first(self, model: keras.Model) -> None:
        """Give every worker's model the weights and optimizer state of the first one's."""
        for variable in (*model.weights, *model.optimizer.variables):
            value = ops.convert_to_numpy(variable)
            variable.assign(self._added(value if self.number == 0 else np.zeros_like(value)))

    def is_lost(self, error: BaseException) -> bool:
        """Whether an error says that another worker is gone: TensorFlow gives up all that they do together."""
        gone = isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError))
        return gone or (isinstance(error, tf.errors.OpError) and "Collective" in str(error))

    def _added(self, value: np.ndarray) -> np.ndarray:
        """Return the sum of the values that the workers give."""
        # Counters would not be exact in float32.
        wide = value if value.dtype == np.float32 else value.astype(np.float64)
        return self._sum(tf.constant(wide)).numpy().astype(value.dtype)

    def _sum_over_workers(self, value: tf.Tensor) -> tf.Tensor:
        own = self.count // self.workers

        def add() -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            # Of a worker's devices only the first gives something.
            first = tf.cast(replica.replica_id_in_sync_group % own == 0, value.dtype)
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, first * value)

        return self._strategy.experimental_local_results(self._strategy.run(add))[0]
