"""Export to .dfm, DeepFaceLab's ONNX format, for the host programs that run such files.

May import all parts of the exporter but `cli`, and `faceloom` and `faceloom_train`. Import from
the modules: they need TensorFlow, which takes seconds to load.
"""
