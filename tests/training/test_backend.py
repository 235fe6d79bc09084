"""TensorFlow computes what the layers say."""

import subprocess
import sys

# A process of its own, since the option is TensorFlow's, not a test's. Convolution, bias, residual and a
# LeakyReLU of slope 0.1, run layer by layer and as one graph.
_FAULT = """
import faceloom_train
import keras, numpy as np, tensorflow as tf
from faceloom_train.backend import prepare_tensorflow
prepare_tensorflow()
keras.utils.set_random_seed(0)
inputs = keras.Input((16, 16, 8))
y = keras.layers.Conv2D(8, 3, padding="same", bias_initializer="ones")(inputs)
model = keras.Model(inputs, keras.layers.LeakyReLU(0.1)(keras.layers.Add()([inputs, y])))
x = np.random.default_rng(0).normal(size=(4, 16, 16, 8)).astype("float32")
alone, graph = model(x), tf.function(lambda t: model(t))(x)
print(float(np.abs(alone - graph).max()))
"""


def test_graphs_compute_what_their_layers_do() -> None:
    """On a processor with the fault this fails as soon as `prepare_tensorflow` is not called."""
    done = subprocess.run(
        [sys.executable, "-c", _FAULT], capture_output=True, text=True, check=True
    )
    assert float(done.stdout.split()[-1]) < 1e-4
