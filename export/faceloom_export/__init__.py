"""Faceloom's exporter: a run in, a bundle out, proven equal."""

import os

# tf2onnx reads TensorFlow graphs, so this process builds the networks on TensorFlow, whatever trained them.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
