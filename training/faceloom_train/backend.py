"""Make TensorFlow safe to use, before the first graph is built."""

import tensorflow as tf


def prepare_tensorflow() -> None:
    """Turn off the graph optimizer's "remapping", which computes wrong pictures on CPUs.

    TensorFlow 2.21 with oneDNN fuses convolution + bias + residual + LeakyReLU into one operation that
    ignores the slope: a decoder's output moved by up to 15 of 255 levels against the same layers run one by
    one, in training as well, without a word. `tests/training/test_backend.py` shows the fault.
    """
    tf.config.optimizer.set_experimental_options({"remapping": False})
