"""One step of training on either backend: of a whole batch, or part by part where memory holds no more.

In parts a step learns what it would have learned from the whole batch: the same faces, the mean of
the parts' gradients, one update of weights and averages. Keras' own `gradient_accumulation_steps` counts
every part as a step instead: the learning rate, Adam's correction and the averages would all run ahead.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def make_step(model: keras.Model, whole: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Do what a Keras model's `train_step(*arguments)` does, in `model.parts` parts; `whole` is Keras' own.

    The metrics hold this step alone: they are reset before it.
    """
    if keras.backend.backend() == "jax":
        (*state, metrics), batch = arguments
        begun = (*state, [ops.zeros_like(value) for value in metrics])
        return whole(begun, batch) if model.parts == 1 else _jax_step(model, begun, _in_parts(batch, model.parts))
    model.reset_metrics()
    return whole(*arguments) if model.parts == 1 else _tensorflow_step(model, _in_parts(arguments[0], model.parts))


def _in_parts(batch: dict[str, Any], parts: int) -> dict[str, Any]:
    """[b, ...] -> [parts, b / parts, ...]."""
    return {
        name: ops.reshape(value, (parts, value.shape[0] // parts, *value.shape[1:])) for name, value in batch.items()
    }


def _tensorflow_step(model: keras.Model, batch: dict[str, Any]) -> Any:
    import tensorflow as tf  # noqa: PLC0415  only where it is the backend

    weights = model.trainable_variables

    def add_part(number: tf.Tensor, sums: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        part = {name: value[number] for name, value in batch.items()}
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=part, y_pred=model(part, training=True))
            scaled = model.optimizer.scale_loss(loss)
        found = tape.gradient(scaled, [weight.value for weight in weights])
        return number + 1, [total + new for total, new in zip(sums, found, strict=True)]

    nothing = [tf.zeros(weight.shape, weight.dtype) for weight in weights]
    # One after the other: side by side they would need the memory of the whole batch.
    _, sums = tf.while_loop(
        lambda number, _: number < model.parts,
        add_part,
        (tf.constant(0), nothing),
        parallel_iterations=1,
        maximum_iterations=model.parts,
    )
    model.optimizer.apply([total / model.parts for total in sums], weights)
    return model.get_metrics_result()


def _jax_step(model: keras.Model, state: tuple[Any, ...], batch: dict[str, Any]) -> tuple[Any, Any]:
    import jax  # noqa: PLC0415  only where it is the backend

    weights, others, optimizer, metrics = state
    gradient = jax.grad(model.compute_loss_and_updates, has_aux=True)

    def add_part(carried: tuple[Any, ...], part: dict[str, Any]) -> tuple[tuple[Any, ...], None]:
        sums, others, metrics = carried
        found, (_, _, others, metrics) = gradient(
            weights, others, metrics, part, None, None, training=True, optimizer_variables=optimizer
        )
        return ([total + new for total, new in zip(sums, found, strict=True)], others, metrics), None

    nothing = [ops.zeros_like(weight) for weight in weights]
    (sums, others, metrics), _ = jax.lax.scan(add_part, (nothing, others, metrics), batch)
    found = [total / model.parts for total in sums]
    weights, optimizer = model.optimizer.stateless_apply(optimizer, found, weights)
    with keras.StatelessScope(state_mapping=list(zip(model.metrics_variables, metrics, strict=True))):
        values = model.get_metrics_result()
    return values, (weights, others, optimizer, metrics)
