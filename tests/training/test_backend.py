"""TensorFlow graphs compute the same as their layers."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.training, pytest.mark.process]

# Runs in its own process, because the setting holds for the whole process. The model is a
# convolution, a bias, a residual connection and a LeakyReLU of slope 0.1, run layer by layer and as
# one graph.
_REPRODUCTION = """
import faceloom_train
import keras, numpy as np, tensorflow as tf
from faceloom_train.backend import prepare_tensorflow
prepare_tensorflow()
keras.utils.set_random_seed(0)
inputs = keras.Input((16, 16, 8))
y = keras.layers.Conv2D(8, 3, padding="same", bias_initializer="ones")(inputs)
model = keras.Model(inputs, keras.layers.LeakyReLU(0.1)(keras.layers.Add()([inputs, y])))
x = np.random.default_rng(0).normal(size=(4, 16, 16, 8)).astype("float32")
eager, graph = model(x), tf.function(lambda t: model(t))(x)
print(float(np.abs(eager - graph).max()))
"""


def test_a_graph_computes_the_same_as_its_layers() -> None:
    """On a processor with the fault this fails without `prepare_tensorflow`."""
    completed = subprocess.run(
        [sys.executable, "-c", _REPRODUCTION], capture_output=True, text=True, check=True
    )
    assert float(completed.stdout.split()[-1]) < 1e-4
