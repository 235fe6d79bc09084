"""One training step on either backend, with gradient accumulation over micro-batches.

The gradients of the micro-batches are averaged before one update of weights and averages, so that
a step learns the same as from the whole batch at once. Keras' own `gradient_accumulation_steps`
counts each micro-batch as a step instead: learning rate, Adam's bias correction and averages would
advance too fast.

On several devices (see `faceloom_train.distributed.strategy`) each one computes its share of the
faces like this, and all apply the mean of the gradients. Without `shard_map` JAX would gather all
faces on every device, because it cannot see that a batch sorted by identity is still sharded by
face.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import ops

from faceloom_train.data.batch_packing import unpack_batch

if TYPE_CHECKING:
    from faceloom_train.model.reconstruction_model import ReconstructionModel

# Key of a step's results in Keras' logs. They are one vector, because each value that is read from
# a GPU takes half a millisecond.
STEP_OUTPUTS = "step_outputs"


def run_train_step(model: "ReconstructionModel", arguments: tuple[Any, ...]) -> Any:
    """Run one step, as `train_step` of a Keras model does.

    The model's metrics are reset first, so that they hold this step alone.

    Args:
        model: The compiled model.
        arguments: What Keras passes to `train_step` on the current backend.

    Returns:
        Logs with STEP_OUTPUTS (see `unpack_step_outputs`); on JAX also the new state.
    """
    batch = unpack_batch(arguments[-1], model.batch_layout)
    if keras.backend.backend() == "jax":
        return _jax_step(model, arguments[0], batch)
    model.reset_metrics()
    return _tensorflow_step(model, batch)


def unpack_step_outputs(
    model: "ReconstructionModel", outputs: Any
) -> tuple[dict[str, float], int, float]:
    """Read the results of a step; this waits until the step is computed.

    Args:
        model: The model.
        outputs: The value of STEP_OUTPUTS in the step's logs.

    Returns:
        The loss and its terms by name, the number of updates of the weights so far, and the
        learning rate of the next step.
    """
    *losses, updates, learning_rate = ops.convert_to_numpy(outputs).tolist()
    return dict(zip(model.loss_trackers, losses, strict=True)), round(updates), learning_rate


def _step_outputs(model: "ReconstructionModel") -> Any:
    """The vector that `unpack_step_outputs` reads."""
    values = (
        *model.get_metrics_result().values(),
        model.optimizer.iterations,
        model.optimizer.learning_rate,
    )
    return ops.stack([ops.cast(value, "float32") for value in values])


def _split_batch(batch: dict[str, Any], count: int) -> dict[str, Any]:
    """[b, ...] -> [count, b / count, ...]."""
    return {
        name: ops.reshape(value, (count, value.shape[0] // count, *value.shape[1:]))
        for name, value in batch.items()
    }


def _tensorflow_step(model: "ReconstructionModel", batch: dict[str, Any]) -> Any:
    weights = model.trainable_variables
    gradients = _tensorflow_gradients(model, batch)
    replica = tf.distribute.get_replica_context()
    gradients = replica.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
    model.optimizer.apply(gradients, weights)
    outputs = _step_outputs(model)
    # With several workers Keras averages logs over their first axis.
    workers = isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)
    return {STEP_OUTPUTS: outputs[None] if workers else outputs}


def _tensorflow_gradients(model: "ReconstructionModel", batch: dict[str, Any]) -> list[tf.Tensor]:
    """Return the mean gradients over the micro-batches."""
    weights, count = model.trainable_variables, model.micro_batches

    def compute(micro_batch: dict[str, Any]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=micro_batch, y_pred=model(micro_batch, training=True))
            scaled = model.optimizer.scale_loss(loss)
        return tape.gradient(scaled, [weight.value for weight in weights])

    if count == 1:
        return compute(batch)
    micro_batches = _split_batch(batch, count)

    def accumulate(index: tf.Tensor, sums: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        gradients = compute({name: value[index] for name, value in micro_batches.items()})
        return index + 1, [total + new for total, new in zip(sums, gradients, strict=True)]

    # One iteration at a time: in parallel they would need the memory of the whole batch.
    _, sums = tf.while_loop(
        lambda index, _: index < count,
        accumulate,
        (tf.constant(0), [tf.zeros(weight.shape, weight.dtype) for weight in weights]),
        parallel_iterations=1,
        maximum_iterations=count,
    )
    return [total / count for total in sums]


def _jax_step(
    model: "ReconstructionModel", state: tuple[Any, ...], batch: dict[str, Any]
) -> tuple[Any, Any]:
    weights, others, optimizer, metrics = state
    gradients, others, metrics = _on_each_device(_jax_gradients(model))(
        weights, others, optimizer, [ops.zeros_like(value) for value in metrics], batch
    )
    weights, optimizer = model.optimizer.stateless_apply(optimizer, gradients, weights)
    variables = (*model.metrics_variables, *model.optimizer.variables)
    with keras.StatelessScope(
        state_mapping=list(zip(variables, (*metrics, *optimizer), strict=True))
    ):
        outputs = _step_outputs(model)
    return {STEP_OUTPUTS: outputs}, (weights, others, optimizer, metrics)


def _jax_gradients(model: "ReconstructionModel") -> Callable[..., Any]:
    """Return a function of state and batch: mean gradients, other variables and metrics."""
    import jax  # noqa: PLC0415  optional; only used where it is the backend

    compute = jax.grad(model.compute_loss_and_updates, has_aux=True)

    def gradients(
        weights: Any, others: Any, optimizer: Any, metrics: Any, batch: dict[str, Any]
    ) -> Any:
        def accumulate(
            carry: tuple[Any, ...], micro_batch: dict[str, Any]
        ) -> tuple[tuple[Any, ...], None]:
            sums, others, metrics = carry
            new, (_, _, others, metrics) = compute(
                weights,
                others,
                metrics,
                micro_batch,
                None,
                None,
                training=True,
                optimizer_variables=optimizer,
            )
            sums = [total + gradient for total, gradient in zip(sums, new, strict=True)]
            return (sums, others, metrics), None

        zeros = [ops.zeros_like(weight) for weight in weights]
        micro_batches = _split_batch(batch, model.micro_batches)
        (sums, others, metrics), _ = jax.lax.scan(
            accumulate, (zeros, others, metrics), micro_batches
        )
        return [total / model.micro_batches for total in sums], others, metrics

    return gradients


def _on_each_device(gradients: Callable[..., Any]) -> Callable[..., Any]:
    """Let each JAX device compute its share of the batch, and average the results."""
    import jax  # noqa: PLC0415  optional; only used where it is the backend

    distribution = keras.distribution.distribution()
    if distribution is None:
        return gradients
    axis, replicated = distribution.batch_dim_name, jax.sharding.PartitionSpec()

    def mean_gradients(*state_and_batch: Any) -> Any:
        values, others, metrics = gradients(*state_and_batch)
        values, metrics = jax.lax.pmean((values, metrics), axis)
        return values, others, metrics

    return jax.shard_map(
        mean_gradients,
        mesh=distribution.device_mesh.backend_mesh,
        in_specs=(
            replicated,
            replicated,
            replicated,
            replicated,
            jax.sharding.PartitionSpec(axis),
        ),
        out_specs=replicated,
        check_vma=False,
    )
