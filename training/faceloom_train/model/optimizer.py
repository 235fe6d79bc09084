"""The optimizer of a configuration, and the moving average of the weights."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from faceloom_train.config.schema import TrainConfig
from faceloom_train.keras_compat import ReducedGradientsAdam

# Final learning rate of the cosine schedule, as a fraction of the highest.
_COSINE_FLOOR = 0.02
# Keras needs a momentum also where no average is kept.
_UNUSED_MOMENTUM = 0.99


class SkippingAdam(ReducedGradientsAdam):
    """Adam that skips a step, and does not count it, if a gradient is not finite.

    One such step would otherwise make all weights, moments and averages NaN for good.
    """

    # Factor of the learning rate for each variable, in the order of `build`; None: 1 for all.
    _rate_factors: Sequence[float] | None = None

    def set_rate_factors(self, factors: Sequence[float]) -> None:
        """Set how fast each variable learns.

        Args:
            factors: Factor of the learning rate for each variable, in the order of `build`.
        """
        self._rate_factors = tuple(factors)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable.

        Args:
            gradient: Its gradient.
            variable: The variable.
            learning_rate: The learning rate of this step.
        """
        if self._rate_factors is not None:
            learning_rate *= self._rate_factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Update the variables; on TensorFlow only if all gradients are finite.

        Args:
            grads: Gradients, averaged over devices.
            trainable_variables: The variables to update.
        """
        if keras.backend.backend() != "tensorflow":
            super().apply(grads, trainable_variables)
            return
        if not self.built:
            self.build(trainable_variables)
        update = super().apply

        def update_all_devices(strategy: Any, finite: Any, grads: Sequence[Any]) -> None:
            # All devices have the same gradients, so the first one decides.
            ops.cond(
                strategy.experimental_local_results(finite)[0],
                lambda: strategy.extended.call_for_each_replica(
                    update, args=(grads, trainable_variables)
                ),
                lambda: None,
            )

        # TensorFlow cannot update several devices inside a condition, only put the condition
        # around the update of all of them.
        tf.distribute.get_replica_context().merge_call(
            update_all_devices, args=(_all_finite(grads), grads)
        )

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """Return the updated variables, or the old ones if a gradient is not finite (for JAX).

        Args:
            optimizer_variables: The optimizer's state.
            grads: Gradients.
            trainable_variables: The variables to update.

        Returns:
            The variables and the optimizer's state.
        """
        # The loss scaler passes variables; here they are known to stand for this step's tensors.
        old_weights, old_state = (
            [ops.convert_to_tensor(v) for v in values]
            for values in (trainable_variables, optimizer_variables)
        )
        weights, state = super().stateless_apply(old_state, grads, old_weights)
        finite = _all_finite(grads)
        return _select(finite, weights, old_weights), _select(finite, state, old_state)


def build_optimizer(config: TrainConfig) -> keras.Optimizer:
    """Build Adam with warm-up, schedule, weight averaging, weight decay and loss scaling.

    Args:
        config: The configuration.
    """
    settings = config.optimizer
    optimizer = SkippingAdam(
        learning_rate=_schedule(config),
        beta_1=settings.beta_1,
        beta_2=settings.beta_2,
        weight_decay=settings.weight_decay or None,
        global_clipnorm=settings.global_clipnorm or None,
        use_ema=settings.ema_momentum > 0,
        ema_momentum=settings.ema_momentum or _UNUSED_MOMENTUM,
    )
    # Depends on the configuration and not on Keras' current policy: the exporter restores the same
    # state in float32.
    return (
        keras.optimizers.LossScaleOptimizer(optimizer)
        if config.precision == "mixed_float16"
        else optimizer
    )


def slow_down(
    optimizer: keras.Optimizer, variables: Sequence[Any], slow: Container[int], rate: float
) -> None:
    """Let some variables learn more slowly.

    Args:
        optimizer: An optimizer of `build_optimizer` that is built.
        variables: The variables that it was built with.
        slow: The `id` of each variable that learns more slowly.
        rate: Factor of their learning rate.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    inner.set_rate_factors([rate if id(variable) in slow else 1.0 for variable in variables])


def use_averaged_weights(model: keras.Model) -> None:
    """Overwrite a model's weights with their moving average, if its optimizer keeps one.

    Args:
        model: A compiled model.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if optimizer.use_ema:
        optimizer.finalize_variable_values(model.trainable_variables)


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Replace a model's weights by their moving average within a `with` statement.

    Args:
        model: A compiled model.
    """
    original = [ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    use_averaged_weights(model)
    try:
        yield
    finally:
        for weight, value in zip(model.trainable_variables, original, strict=True):
            weight.assign(value)


def _all_finite(grads: Sequence[Any]) -> Any:
    """Whether every gradient is finite: one that is not makes the sum of all not finite."""
    return ops.isfinite(sum(ops.sum(grad) for grad in grads if grad is not None))


def _select(condition: Any, new: Sequence[Any], old: Sequence[Any]) -> list[Any]:
    return [ops.where(condition, a, b) for a, b in zip(new, old, strict=True)]


def _schedule(config: TrainConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    settings = config.optimizer
    rate, warmup = settings.learning_rate, min(settings.warmup_steps, config.steps - 1)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=rate / (warmup + 1) if warmup else rate,
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(1, config.steps - warmup),
        # A floor of 1 keeps the rate constant.
        alpha=1.0 if settings.lr_schedule == "constant" else _COSINE_FLOOR,
    )
