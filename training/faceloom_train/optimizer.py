"""The optimizer that a configuration asks for."""

from typing import Any

import keras

from faceloom_train.config import TrainConfig


def build_optimizer(config: TrainConfig) -> keras.Optimizer:
    """Adam, or AdamW with weight decay, with warm-up, decay, averaged weights, and loss scaling for float16."""
    settings = config.optimizer
    common: dict[str, Any] = {
        "learning_rate": _schedule(config),
        "beta_1": settings.beta_1,
        "beta_2": settings.beta_2,
        "global_clipnorm": settings.clip_norm or None,
        "use_ema": settings.ema > 0,
        "ema_momentum": settings.ema or 0.99,
    }
    if settings.weight_decay:
        optimizer = keras.optimizers.AdamW(weight_decay=settings.weight_decay, **common)
    else:
        optimizer = keras.optimizers.Adam(**common)
    # By the configuration, not by Keras' current policy: the exporter restores the same state in float32.
    return keras.optimizers.LossScaleOptimizer(optimizer) if config.precision == "mixed_float16" else optimizer


def use_averaged_weights(model: keras.Model) -> None:
    """Overwrite a model's weights by their moving average, if its optimizer keeps one."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if optimizer.use_ema:
        optimizer.finalize_variable_values(model.trainable_variables)


def _schedule(config: TrainConfig) -> keras.optimizers.schedules.LearningRateSchedule:
    settings = config.optimizer
    rate, warmup = settings.learning_rate, min(settings.warmup_steps, config.steps - 1)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=rate / (warmup + 1) if warmup else rate,
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(1, config.steps - warmup),
        # Without a decay the rate ends where it was.
        alpha=1.0 if settings.decay == "constant" else 0.02,
    )
