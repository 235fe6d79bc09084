"""Check onnxruntime's providers: each one runs a network, since being listed is not enough."""

from collections.abc import Iterator
from importlib.metadata import distributions

import numpy as np
import onnxruntime as ort

from faceloom.doctor.check_result import CheckResult
from faceloom.errors import FaceloomError
from faceloom.project.machine_speed import nvidia_gpu
from faceloom.swap.inference.providers import PROVIDERS, open_session
from faceloom.weights import FACE_MESH

# Packages that install the module `onnxruntime`.
_PACKAGES = frozenset(
    {"onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"}
)
# Largest length of a provider's error message, in characters.
_MAX_MESSAGE = 200


def check() -> Iterator[CheckResult]:
    """Check the installed package and each provider that it lists.

    Yields:
        The results.
    """
    yield _package()
    available = ort.get_available_providers()
    for name, full_name in PROVIDERS.items():
        if full_name in available:
            yield _provider(name)
    if PROVIDERS["cuda"] not in available:
        has_gpu = bool(nvidia_gpu())
        advice = "pip uninstall -y onnxruntime && pip install 'faceloom[gpu]'" if has_gpu else ""
        detail = "not in this onnxruntime" if has_gpu else "this machine has no NVIDIA GPU"
        yield CheckResult("provider cuda", "missing", detail, advice)


def _package() -> CheckResult:
    """Two packages with the same module overwrite each other, which no installer reports."""
    installed = sorted({each.name.lower() for each in distributions() if each.name} & _PACKAGES)
    detail = f"{ort.__version__} from {', '.join(installed)}"
    if len(installed) > 1:
        advice = f"uninstall all of {', '.join(installed)}, then install one"
        return CheckResult("onnxruntime", "failed", detail, advice)
    return CheckResult("onnxruntime", "ok", detail)


def _provider(name: str) -> CheckResult:
    check_name = f"provider {name}"
    try:
        session = open_session(FACE_MESH.verified_path(), name)
        session.run(None, {"input_1": np.zeros((1, 192, 192, 3), np.float32)})
    except FaceloomError as error:
        return CheckResult(check_name, "missing", "listed, but does not run", str(error))
    except Exception as error:  # a provider fails with its own undocumented classes
        detail = f"listed, but does not run: {str(error)[:_MAX_MESSAGE]}"
        return CheckResult(check_name, "missing", detail, "update its driver")
    return CheckResult(check_name, "ok", "ran a network")
