"""Private names of Keras and TensorFlow that the trainer depends on, all in one place.

Tested with Keras 3.15 and TensorFlow 2.21. Check this module first when a newer version breaks.
"""

import io
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras.src.saving.saving_lib import H5IOStore, _save_state
from tensorflow.python.eager import context


class PrebuiltModel(keras.Model):
    """A model that is built in its constructor.

    Keras' `fit` otherwise runs the model on symbolic inputs, which fails with several workers.
    """

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Do nothing."""


class ReducedGradientsAdam(keras.optimizers.Adam):
    """Adam for gradients that are already averaged over devices."""

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        """Return the gradients unchanged, where Keras sums them over devices."""
        return grads_and_vars


class LazyCallbackList(keras.callbacks.CallbackList):
    """Passes a step's logs to the callbacks as tensors.

    Keras would convert them to numbers, which waits for the device after every step.
    """

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Call the callbacks.

        Args:
            batch: The index of the batch.
            logs: The outputs of the step.
        """
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)


def write_weights(model: keras.Model, file: io.BytesIO) -> None:
    """Write a model's weights and optimizer state as HDF5, as `keras.Model.save_weights` does.

    Args:
        model: The model.
        file: What is written to; Keras' own function takes only the path of a file.
    """
    store = H5IOStore(file, mode="w")
    _save_state(
        model, weights_store=store, assets_store=None, inner_path="", visited_saveables=set()
    )
    store.close()


def report_error_to_cluster(message: str) -> None:
    """Make the pending collective operations of all workers fail.

    Args:
        message: What the other workers' errors say.

    Raises:
        tf.errors.OpError: Another worker has already left.
    """
    context.context().report_error_to_cluster(tf.errors.ABORTED, message)
