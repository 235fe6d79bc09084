"""Checks of exported graphs: sample faces, the parity check, the sharpening estimate.

May import `faceloom_export.graph`, `faceloom` and `faceloom_train`. Import from the modules: some
need TensorFlow, which takes seconds to load.
"""
