"""Build and compile the model of a configuration."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import keras
import tensorflow as tf

from faceloom_train.backend import prepare_tensorflow
from faceloom_train.config.schema import TrainConfig
from faceloom_train.model.optimizer import build_optimizer, slow_down
from faceloom_train.model.reconstruction_model import ReconstructionModel
from faceloom_train.model.swap_model import SwapModel

AnyModel = TypeVar("AnyModel", bound=ReconstructionModel)


def build_model(config: TrainConfig, identities: Sequence[str]) -> SwapModel:
    """Build a model under the current dtype policy and strategy scope, without its optimizer.

    The initial weights depend on the configuration's seed alone.

    Args:
        config: The configuration.
        identities: The identities, in the order of their decoders.
    """
    prepare_tensorflow()
    keras.utils.set_random_seed(config.seed)
    return SwapModel(config, identities)


def compile_model(model: AnyModel, micro_batches: int = 1) -> AnyModel:
    """Give a model its optimizer, in the same strategy scope, and return it ready for `fit`.

    Args:
        model: The model.
        micro_batches: Parts of equal size in which each device computes a step.
    """
    config = model.config
    # TensorFlow cannot compile a step on several devices with XLA.
    jit_compile = False if tf.distribute.has_strategy() else config.jit_compile
    if keras.distribution.distribution() is not None:
        # JAX distributes a step over several devices only if it compiles it.
        jit_compile = True
    model.compile(
        micro_batches=micro_batches,
        optimizer=build_optimizer(config),
        jit_compile=jit_compile,
        auto_scale_loss=False,
    )
    # Built here because all workers must do it at the same time.
    model.optimizer.build(model.trainable_variables)
    if config.optimizer.shared_rate != 1:
        slow_down(
            model.optimizer,
            model.trainable_variables,
            model.shared_variables(),
            config.optimizer.shared_rate,
        )
    return model


def build_compiled_model(config: TrainConfig, identities: Sequence[str]) -> SwapModel:
    """Build and compile a model that computes each step at once.

    Args:
        config: The configuration.
        identities: The identities, in the order of their decoders.
    """
    return compile_model(build_model(config, identities))


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Set Keras' global dtype policy within a `with` statement.

    Args:
        name: A Keras dtype policy, such as "mixed_bfloat16".
    """
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)
