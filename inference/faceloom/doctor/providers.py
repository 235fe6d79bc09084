"""Check onnxruntime's providers: each one runs a network, since being listed is not enough."""

from collections.abc import Iterator
from importlib.metadata import distributions

import onnxruntime as ort

from faceloom.doctor.check_result import CheckResult
from faceloom.errors import FaceloomError
from faceloom.installation import replacement_command
from faceloom.project.machine_speed import nvidia_gpu
from faceloom.swap.inference.face_models import run_face_mesh
from faceloom.swap.inference.plugin_providers import (
    describe_device,
    describe_package,
    has_plugin,
    plugin_device,
    plugin_devices,
)
from faceloom.swap.inference.providers import PROVIDERS, is_available

# Packages that install the module `onnxruntime`.
_PACKAGES = frozenset(
    {"onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"}
)
# Largest length of a provider's error message, in characters.
_MAX_MESSAGE = 200


def check() -> Iterator[CheckResult]:
    """Check the installed package, each provider that it lists, and each installed plug-in.

    Yields:
        The results.
    """
    yield _package()
    for name in filter(is_available, PROVIDERS):
        yield _provider(name)
    if not is_available("cuda"):
        has_gpu = bool(nvidia_gpu())
        advice = replacement_command("onnxruntime", "gpu") if has_gpu else ""
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
        run_face_mesh(name)
    except FaceloomError as error:
        return CheckResult(check_name, "missing", "installed, but does not run", str(error))
    except Exception as error:  # a provider fails with its own undocumented classes
        detail = f"installed, but does not run: {str(error)[:_MAX_MESSAGE]}"
        return CheckResult(check_name, "missing", detail, "update its driver")
    return CheckResult(check_name, "ok", f"ran a network{_where(name)}")


def _where(name: str) -> str:
    """The device and package of a plug-in, and the other devices that it supports."""
    if not has_plugin(name):
        return ""
    used, others = describe_device(plugin_device(name)), map(describe_device, plugin_devices(name))
    text = f" on {used}, {describe_package(name)}"
    unused = [other for other in others if other != used]
    return f"{text}; other devices: {', '.join(unused)}" if unused else text
