"""The training stack, asked in a process of its own: the runtime never loads it."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator

from faceloom.doctor.finding import Finding

_ASK = (
    "import tensorflow as tf, keras; "
    "gpus = [tf.config.experimental.get_device_details(g).get('device_name', '?') "
    "for g in tf.config.list_physical_devices('GPU')]; "
    "print(tf.__version__, '|', keras.__version__, '|', ', '.join(gpus))"
)


def check() -> Iterator[Finding]:
    """Say whether this installation can train and export."""
    if importlib.util.find_spec("tensorflow") is None:
        yield Finding(
            "training",
            "missing",
            "TensorFlow is not installed",
            "to train: pip install 'faceloom[train]'",
        )
    else:
        yield from _ask_tensorflow()
    if importlib.util.find_spec("tf2onnx") is None:
        yield Finding(
            "export",
            "missing",
            "tf2onnx is not installed",
            "to export: pip install 'faceloom[export]'",
        )
    else:
        yield Finding("export", "ok", "tf2onnx is installed")


def _ask_tensorflow() -> Iterator[Finding]:
    answer = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        reason = answer.stderr.strip().splitlines()[-1:] or ["it says nothing"]
        yield Finding(
            "training",
            "failed",
            f"TensorFlow does not start: {reason[0]}",
            "reinstall faceloom[train]",
        )
        return
    tensorflow, keras, gpus = (
        part.strip() for part in answer.stdout.strip().splitlines()[-1].split("|")
    )
    yield Finding("training", "ok", f"TensorFlow {tensorflow}, Keras {keras}")
    if gpus:
        yield Finding("training GPU", "ok", gpus)
    else:
        advice = (
            "with an NVIDIA GPU: pip install 'faceloom[train-gpu]' in an environment of its own"
        )
        yield Finding("training GPU", "missing", "TensorFlow sees none", advice)
