"""Find, register and open onnxruntime's plug-in execution providers.

A plug-in is a package of its own beside any build of onnxruntime. Its library is registered once
for the process; from then on onnxruntime lists the devices that it supports on this machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from threading import Lock
from typing import Any

import onnxruntime as ort

from faceloom.errors import ProviderMissing
from faceloom.onnx_session import first_line


@dataclass(frozen=True, slots=True)
class Plugin:
    """A package with a plug-in execution provider."""

    distribution: str
    """The package's name for pip."""
    module: str
    """The module, which tells the path of the library."""
    full_name: str
    """onnxruntime's name of the provider."""
    device_type: str | None
    """The type of the device to run on, CPU, GPU or NPU; None takes the first one offered."""
    requirement: str
    """What the plug-in needs, for messages."""


# By the names of `--provider`, which are also the names of Faceloom's extras.
PLUGINS: Mapping[str, Plugin] = {
    "openvino": Plugin(
        "onnxruntime-ep-openvino",
        "onnxruntime_ep_openvino",
        "OpenVINOExecutionProvider",
        # Integrated GPUs and NPUs are offered too and were not measured.
        "CPU",
        "a processor by Intel",
    ),
    "webgpu": Plugin(
        "onnxruntime-ep-webgpu",
        "onnxruntime_ep_webgpu",
        "WebGpuExecutionProvider",
        # It accepts one device and chooses the GPU itself.
        None,
        "a GPU with a Vulkan driver, and the library libvulkan.so.1",
    ),
    "tensorrt-rtx": Plugin(
        "onnxruntime-ep-nv-tensorrt-rtx",
        "onnxruntime_ep_nv_tensorrt_rtx",
        "NvTensorRTRTXExecutionProvider",
        "GPU",
        "an NVIDIA RTX GPU and a driver for CUDA 13",
    ),
}
# Before the reason in onnxruntime's message about a library that cannot be loaded.
_LOAD_ERROR = "with error: "
_LOCK = Lock()


def has_plugin(provider: str) -> bool:
    """Return whether a plug-in for a provider is installed; nothing is loaded.

    Args:
        provider: A name of `--provider`.
    """
    return provider in PLUGINS and find_spec(PLUGINS[provider].module) is not None


def plugin_device(provider: str) -> Any:
    """Return the device on which a plug-in runs; register the plug-in's library first.

    Args:
        provider: A key of `PLUGINS` whose package is installed.

    Returns:
        onnxruntime's `OrtEpDevice`.

    Raises:
        ProviderMissing: The library cannot be loaded, or supports no device of this machine.
    """
    plugin = PLUGINS[provider]
    for device in plugin_devices(provider):
        if plugin.device_type in (None, device.device.type.name):
            return device
    raise ProviderMissing(
        f"The {provider} provider ({plugin.distribution}) finds no device that it supports here; "
        f"it needs {plugin.requirement}."
    )


def plugin_devices(provider: str) -> Sequence[Any]:
    """Return all devices that a plug-in supports here; register the plug-in's library first.

    Args:
        provider: A key of `PLUGINS` whose package is installed.

    Returns:
        onnxruntime's `OrtEpDevice`s.

    Raises:
        ProviderMissing: The library cannot be loaded.
    """
    plugin = PLUGINS[provider]
    with _LOCK:
        reason = _register(plugin)
    if reason is not None:
        raise ProviderMissing(
            f"The {provider} provider ({plugin.distribution}) is installed and cannot be loaded "
            f"({reason}); it needs {plugin.requirement}."
        )
    return [device for device in ort.get_ep_devices() if device.ep_name == plugin.full_name]


def describe_device(device: Any) -> str:
    """Return a device's name and type, such as "Intel(R) Xeon(R) 6980P (CPU)".

    Args:
        device: onnxruntime's `OrtEpDevice`.
    """
    name = device.ep_metadata.get("FULL_DEVICE_NAME") or device.device.vendor or "unnamed device"
    return f"{name} ({device.device.type.name})"


def describe_package(provider: str) -> str:
    """Return a plug-in's package with its version.

    Args:
        provider: A key of `PLUGINS`.
    """
    name = PLUGINS[provider].distribution
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name


@cache
def _register(plugin: Plugin) -> str | None:
    """Register a plug-in's library; return why that fails, None if it does not.

    Cached: onnxruntime refuses a second registration, and a library that fails once fails again.
    """
    try:
        path = import_module(plugin.module).get_library_path()
        ort.register_execution_provider_library(plugin.full_name, path)
    except Exception as error:  # of onnxruntime's undocumented classes, or of the package's module
        _, found, reason = str(error).rpartition(_LOAD_ERROR)
        return first_line(OSError(reason) if found else error)
    return None
