"""Faceloom's trainer: face sets in, a run directory out. Keras 3; TensorFlow unless KERAS_BACKEND says otherwise."""

import os

# For this process only, before anything imports keras: the user's own Keras configuration stays as it is.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
