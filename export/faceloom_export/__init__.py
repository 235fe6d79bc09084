"""The exporter: converts a trained run or another program's model to ONNX and verifies it.

`bundle` writes bundles, `dfm` writes .dfm files. Needs the extras `train` and `export`, so the
command line and the tests import from the modules. May import `faceloom` and `faceloom_train`;
neither of them imports the exporter.
"""

# Before anything imports onnxruntime: it turns onnxruntime's telemetry off.
import faceloom  # noqa: F401
