"""TensorFlow settings that the trainer needs, and compilation with XLA."""

import sys
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import keras
import tensorflow as tf

# A tensor of the current Keras backend.
Tensor: TypeAlias = Any
# Whether XLA compiles, as in Keras' `compile`.
JitCompile: TypeAlias = bool | Literal["auto"]


def prepare_tensorflow() -> None:
    """Turn off "remapping" in TensorFlow's graph optimizer, which gives wrong results on CPUs.

    Call it before the first graph is built. TensorFlow 2.21 with oneDNN fuses convolution, bias,
    residual and LeakyReLU into one operation that ignores the slope: a decoder's output differs by
    up to 15 of 255 levels from the same layers run one by one, in training as well, without a
    warning. `tests/training/test_backend.py` reproduces the fault.
    """
    tf.config.optimizer.set_experimental_options({"remapping": False})


def xla_compile(function: Callable[..., Any], jit_compile: JitCompile) -> Callable[..., Any]:
    """Compile a function of many small operations with XLA on TensorFlow.

    On JAX the function is returned as it is, because JAX compiles the whole step. The same holds
    for GPUs of Apple, which have no XLA.

    Args:
        function: A function of tensors.
        jit_compile: False: the function is returned as it is. "auto" compiles on CPUs too, unlike
            Keras' "auto", which skips XLA there because it does not speed up whole networks.
    """
    if keras.backend.backend() != "tensorflow" or jit_compile is False:
        return function
    if sys.platform == "darwin" and tf.config.list_physical_devices("GPU"):
        return function
    return tf.function(function, jit_compile=True, autograph=False)
