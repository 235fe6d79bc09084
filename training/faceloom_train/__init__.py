"""Faceloom's trainer: reads face sets and writes a run directory.

It uses Keras 3, on TensorFlow unless KERAS_BACKEND says otherwise, and may import `faceloom`.
`faceloom_train.config` is free of Keras.
"""

import os

# Before anything imports onnxruntime: it turns onnxruntime's telemetry off.
import faceloom  # noqa: F401

# For this process only, before anything imports Keras; the user's Keras configuration is unchanged.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
