"""Building ONNX graphs: conversion from TensorFlow and Keras layers, fp16 and int8.

May import `faceloom_export.face_models`, `faceloom` and `faceloom_train`. Import from the modules:
some need TensorFlow, which takes seconds to load.
"""
