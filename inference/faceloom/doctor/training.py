"""Check the training packages in a separate process: the runtime itself never imports them."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator

from faceloom.doctor.check_result import CheckResult
from faceloom.installation import extras_command
from faceloom.operating_system import set_variable
from faceloom.project.machine_speed import nvidia_gpu

# Prints the versions of TensorFlow and Keras and the names of the GPUs.
_SCRIPT = (
    "import tensorflow as tf, keras; "
    "gpus = [tf.config.experimental.get_device_details(g).get('device_name', '?') "
    "for g in tf.config.list_physical_devices('GPU')]; "
    "print(tf.__version__, '|', keras.__version__, '|', ', '.join(gpus))"
)


def check() -> Iterator[CheckResult]:
    """Check whether this installation can train and export.

    Yields:
        The results.
    """
    if importlib.util.find_spec("tensorflow") is None:
        advice = f"to train: {extras_command('train')}"
        yield CheckResult("training", "missing", "TensorFlow is not installed", advice)
    else:
        yield from _tensorflow()
    if importlib.util.find_spec("tf2onnx") is None:
        advice = f"to export: {extras_command('export')}"
        yield CheckResult("export", "missing", "tf2onnx is not installed", advice)
    else:
        yield CheckResult("export", "ok", "tf2onnx is installed")


def _tensorflow() -> Iterator[CheckResult]:
    process = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False
    )
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or ["no message"])[-1]
        detail = f"TensorFlow does not start: {reason}"
        yield CheckResult(
            "training", "failed", detail, f"reinstall it: {extras_command('train', reinstall=True)}"
        )
        return
    line = process.stdout.strip().splitlines()[-1]
    tensorflow, keras, gpus = (part.strip() for part in line.split("|"))
    yield CheckResult("training", "ok", f"TensorFlow {tensorflow}, Keras {keras}")
    if gpus:
        yield CheckResult("training GPU", "ok", gpus)
    elif nvidia_gpu():
        command = extras_command("train", "jax[cuda13]", then=set_variable("KERAS_BACKEND", "jax"))
        advice = f"install faceloom[train-gpu] in a separate environment, or run: {command}"
        yield CheckResult("training GPU", "missing", "TensorFlow finds none", advice)
