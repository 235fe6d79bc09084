"""The optimizer that a configuration asks for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from faceloom_train.config.schema import TrainConfig


class SkippingAdam(keras.optimizers.Adam):
    """Adam that makes no step at all, and counts none, when a gradient is no finite number.

    One such step would otherwise leave every weight, moment and average no number for good.
    """

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Make a step, under TensorFlow only if the gradients are finite."""
        if keras.backend.backend() != "tensorflow":
            super().apply(grads, trainable_variables)
            return
        if not self.built:
            self.build(trainable_variables)
        step = super().apply

        def on_all_devices(strategy: Any, finite: Any, grads: Sequence[Any]) -> None:
            # All have the same gradients: the first one's word holds.
            ops.cond(
                strategy.experimental_local_results(finite)[0],
                lambda: strategy.extended.call_for_each_replica(
                    step, args=(grads, trainable_variables)
                ),
                lambda: None,
            )

        # TensorFlow makes no update of several devices inside a condition, only a condition around all of them.
        tf.distribute.get_replica_context().merge_call(
            on_all_devices, args=(_all_finite(grads), grads)
        )

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        """Leave the gradients as they are: a step has taken the mean over devices, before they were clipped."""
        return grads_and_vars

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """Return what a step makes of the variables (JAX calls this), themselves if a gradient is not finite."""
        # The loss scaler hands over variables: only now are they known to stand for this step's tensors.
        before = [
            [ops.convert_to_tensor(v) for v in own]
            for own in (trainable_variables, optimizer_variables)
        ]
        weights, own = super().stateless_apply(before[1], grads, before[0])
        finite = _all_finite(grads)
        return _chosen(finite, weights, before[0]), _chosen(finite, own, before[1])


def build_optimizer(config: TrainConfig) -> keras.Optimizer:
    """Adam with warm-up, decay, averaged weights, decoupled weight decay (AdamW), and loss scaling for float16."""
    settings = config.optimizer
    optimizer = SkippingAdam(
        learning_rate=_schedule(config),
        beta_1=settings.beta_1,
        beta_2=settings.beta_2,
        weight_decay=settings.weight_decay or None,
        global_clipnorm=settings.global_clipnorm or None,
        use_ema=settings.ema_momentum > 0,
        ema_momentum=settings.ema_momentum or 0.99,
    )
    # By the configuration, not by Keras' current policy: the exporter restores the same state in float32.
    return (
        keras.optimizers.LossScaleOptimizer(optimizer)
        if config.precision == "mixed_float16"
        else optimizer
    )


def use_averaged_weights(model: keras.Model) -> None:
    """Overwrite a model's weights by their moving average, if its optimizer keeps one."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if optimizer.use_ema:
        optimizer.finalize_variable_values(model.trainable_variables)


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Put the moving average in the place of a model's weights for a while."""
    before = [ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    use_averaged_weights(model)
    try:
        yield
    finally:
        for weight, value in zip(model.trainable_variables, before, strict=True):
            weight.assign(value)


def _all_finite(grads: Sequence[Any]) -> Any:
    """Whether every gradient is finite: one that is not makes the sum of all not finite."""
    return ops.isfinite(sum(ops.sum(grad) for grad in grads if grad is not None))


def _chosen(condition: Any, new: Sequence[Any], old: Sequence[Any]) -> list[Any]:
    return [ops.where(condition, a, b) for a, b in zip(new, old, strict=True)]


def _schedule(config: TrainConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    settings = config.optimizer
    rate, warmup = settings.learning_rate, min(settings.warmup_steps, config.steps - 1)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=rate / (warmup + 1) if warmup else rate,
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(1, config.steps - warmup),
        # Without a decay the rate ends where it was.
        alpha=1.0 if settings.lr_schedule == "constant" else 0.02,
    )
