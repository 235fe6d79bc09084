"""One step of training on either backend: of a whole batch, or part by part where memory holds no more.

In parts a step learns what it would have learned from the whole batch: the same faces, the mean of
the parts' gradients, one update of weights and averages. Keras' own `gradient_accumulation_steps` counts
every part as a step instead: the learning rate, Adam's correction and the averages would all run ahead.

On several devices (see `faceloom_train.distributed.strategy`) each has its share of the faces and computes that so, and the update
is made everywhere with the mean of all gradients. Left to itself JAX would gather all faces on every device: it cannot
see that what is sorted by identity is still divided by face.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from faceloom_train.data.batch_packing import unpacked

# What a step leaves behind: one vector, as each number that is read from a GPU takes half a millisecond.
TOLD = "told"


def make_step(model: keras.Model, arguments: tuple[Any, ...]) -> Any:
    """Do what a Keras model's `train_step(*arguments)` does, in `model.parts` parts.

    The metrics hold this step alone: they are reset before it. Its result is TOLD, see `what_was_told`.
    """
    batch = unpacked(arguments[-1], model.layout)
    if keras.backend.backend() == "jax":
        return _jax_step(model, arguments[0], batch)
    model.reset_metrics()
    return _tensorflow_step(model, batch)


def what_was_told(model: keras.Model, told: Any) -> tuple[dict[str, float], int, float]:
    """Read what a step left: the loss and its parts, the updates of the weights, the learning rate of the next step."""
    *parts, updates, rate = ops.convert_to_numpy(told).tolist()
    return dict(zip(model.means, parts, strict=True)), round(updates), rate


def _told(model: keras.Model) -> Any:
    """The loss and its parts, then how many updates the weights have had, and the learning rate of the next."""
    numbers = (
        *model.get_metrics_result().values(),
        model.optimizer.iterations,
        model.optimizer.learning_rate,
    )
    return ops.stack([ops.cast(number, "float32") for number in numbers])


def _in_parts(batch: dict[str, Any], parts: int) -> dict[str, Any]:
    """[b, ...] -> [parts, b / parts, ...]."""
    return {
        name: ops.reshape(value, (parts, value.shape[0] // parts, *value.shape[1:]))
        for name, value in batch.items()
    }


def _tensorflow_step(model: keras.Model, batch: dict[str, Any]) -> Any:
    import tensorflow as tf  # noqa: PLC0415  only where it is the backend

    weights = model.trainable_variables

    def gradients(part: dict[str, Any]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=part, y_pred=model(part, training=True))
            scaled = model.optimizer.scale_loss(loss)
        return tape.gradient(scaled, [weight.value for weight in weights])

    def add_part(number: tf.Tensor, sums: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        found = gradients({name: value[number] for name, value in parts.items()})
        return number + 1, [total + new for total, new in zip(sums, found, strict=True)]

    if model.parts == 1:
        found = gradients(batch)
    else:
        parts = _in_parts(batch, model.parts)
        # One after the other: side by side they would need the memory of the whole batch.
        _, sums = tf.while_loop(
            lambda number, _: number < model.parts,
            add_part,
            (tf.constant(0), [tf.zeros(weight.shape, weight.dtype) for weight in weights]),
            parallel_iterations=1,
            maximum_iterations=model.parts,
        )
        found = [total / model.parts for total in sums]
    found = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, found)
    model.optimizer.apply(found, weights)
    # Keras takes the mean over workers along an axis.
    workers = isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)
    told = _told(model)
    return {TOLD: told[None] if workers else told}


def _jax_step(model: keras.Model, state: tuple[Any, ...], batch: dict[str, Any]) -> tuple[Any, Any]:
    weights, others, optimizer, metrics = state
    found, others, metrics = _on_each_device(_jax_gradients(model))(
        weights, others, optimizer, [ops.zeros_like(value) for value in metrics], batch
    )
    weights, optimizer = model.optimizer.stateless_apply(optimizer, found, weights)
    variables = (*model.metrics_variables, *model.optimizer.variables)
    with keras.StatelessScope(
        state_mapping=list(zip(variables, (*metrics, *optimizer), strict=True))
    ):
        told = _told(model)
    return {TOLD: told}, (weights, others, optimizer, metrics)


def _jax_gradients(model: keras.Model) -> Callable[..., Any]:
    """Return a function of a model's state and a batch that returns the gradients, other variables and metrics."""
    import jax  # noqa: PLC0415  only where it is the backend

    gradient = jax.grad(model.compute_loss_and_updates, has_aux=True)

    def gradients(
        weights: Any, others: Any, optimizer: Any, metrics: Any, batch: dict[str, Any]
    ) -> Any:
        def add_part(
            carried: tuple[Any, ...], part: dict[str, Any]
        ) -> tuple[tuple[Any, ...], None]:
            sums, others, metrics = carried
            found, (_, _, others, metrics) = gradient(
                weights,
                others,
                metrics,
                part,
                None,
                None,
                training=True,
                optimizer_variables=optimizer,
            )
            return (
                [total + new for total, new in zip(sums, found, strict=True)],
                others,
                metrics,
            ), None

        nothing = [ops.zeros_like(weight) for weight in weights]
        (sums, others, metrics), _ = jax.lax.scan(
            add_part, (nothing, others, metrics), _in_parts(batch, model.parts)
        )
        return [total / model.parts for total in sums], others, metrics

    return gradients


def _on_each_device(gradients: Callable[..., Any]) -> Callable[..., Any]:
    """Let each device compute its share of the batch, where Keras has several, and take the mean."""
    import jax  # noqa: PLC0415  only where it is the backend

    distribution = keras.distribution.distribution()
    if distribution is None:
        return gradients
    axis, alike = distribution.batch_dim_name, jax.sharding.PartitionSpec()

    def mean_gradients(*state_and_batch: Any) -> Any:
        found, others, metrics = gradients(*state_and_batch)
        found, metrics = jax.lax.pmean((found, metrics), axis)
        return found, others, metrics

    return jax.shard_map(
        mean_gradients,
        mesh=distribution.device_mesh.backend_mesh,
        in_specs=(alike, alike, alike, alike, jax.sharding.PartitionSpec(axis)),
        out_specs=alike,
        check_vma=False,
    )
