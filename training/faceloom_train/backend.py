"""Make TensorFlow safe to use, before the first graph is built, and fast where it would not be."""

import sys
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import keras
import tensorflow as tf

# A tensor of whichever backend runs.
Tensor: TypeAlias = Any
# Whether XLA compiles, as Keras' `compile` takes it.
JitCompile: TypeAlias = bool | Literal["auto"]


def prepare_tensorflow() -> None:
    """Turn off the graph optimizer's "remapping", which computes wrong pictures on CPUs.

    TensorFlow 2.21 with oneDNN fuses convolution + bias + residual + LeakyReLU into one operation that
    ignores the slope: a decoder's output moved by up to 15 of 255 levels against the same layers run one by
    one, in training as well, without a word. `tests/training/test_backend.py` shows the fault.
    """
    tf.config.optimizer.set_experimental_options({"remapping": False})


def fused(function: Callable[..., Any], jit_compile: JitCompile) -> Callable[..., Any]:
    """Let XLA make one program of a function of many small operations, unless `jit_compile` is off.

    Keras' "auto" leaves XLA out on a CPU, where it does not pay for the networks. JAX fuses the whole step anyway.
    """
    if keras.backend.backend() != "tensorflow" or jit_compile is False:
        return function
    if sys.platform == "darwin" and tf.config.list_physical_devices("GPU"):
        return function  # Apple's GPUs have no XLA.
    return tf.function(function, jit_compile=True, autograph=False)
