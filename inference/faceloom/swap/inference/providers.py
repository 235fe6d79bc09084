"""Open an onnxruntime session on a provider, and verify that this provider runs it."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import onnxruntime as ort

from faceloom.errors import ArtifactRefused, FaceloomError, ProviderMissing
from faceloom.hardware import has_amx
from faceloom.installation import extras_advice, extras_command
from faceloom.onnx_session import CPU_PROVIDER, PluginDevice, create_session, first_line
from faceloom.swap.inference.plugin_providers import PLUGINS, has_plugin, plugin_device

log = logging.getLogger(__name__)

Opened = TypeVar("Opened")

# Names of `--provider`, and onnxruntime's own names.
PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    **{name: plugin.full_name for name, plugin in PLUGINS.items()},
    "cpu": CPU_PROVIDER,
}
# The candidates of "auto". TensorRT and CoreML first build an engine for minutes, and WebGPU and
# TensorRT RTX ran on no real GPU yet, so these run only on request.
_AUTO_ORDER = ("cuda", "directml", "openvino", "cpu")
# For several processes. By default, the CUDA provider times cuDNN's algorithms for each
# convolution and keeps the fastest, so that each process may take another one with other rounding,
# and it doubles its memory whenever it needs more.
_SHARED_CUDA_OPTIONS = {
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}
# Parts of onnxruntime's messages when a graph opened from memory has external weights.
_EXTERNAL_DATA_MESSAGES = (
    "xternal data",
    "xternal_data",
    "model_path must not be empty",
    "in-memory address marker",
)


def is_available(provider: str) -> bool:
    """Return whether a provider is installed, as a plug-in or in this build of onnxruntime.

    Args:
        provider: A key of `PROVIDERS`.
    """
    return has_plugin(provider) or PROVIDERS[provider] in ort.get_available_providers()


def open_on_provider(
    provider: str,
    open_on: Callable[[str], Opened],
    choose: Callable[[Sequence[Opened]], Opened],
) -> Opened:
    """Open something on a provider or, for "auto", on each that works here, and choose one.

    Only "auto" passes over a provider that does not work, and logs a warning when it does.

    Args:
        provider: "auto", or a key of `PROVIDERS`.
        open_on: Opens it on the provider of that name, and raises ProviderMissing or
            ArtifactRefused if it does not run there.
        choose: Chooses one of at least two; the last one runs on the CPU if that works.

    Returns:
        What `open_on` returns.

    Raises:
        ProviderMissing: The provider does not run here.
        ArtifactRefused: onnxruntime cannot load the graph.
    """
    if provider != "auto":
        return open_on(provider)
    opened: list[Opened] = []
    failure: FaceloomError = ProviderMissing(
        f"No onnxruntime provider runs here; reinstall it: {extras_command('cpu', reinstall=True)}"
    )
    for name in filter(is_available, _AUTO_ORDER):
        try:
            opened.append(open_on(name))
        except (ProviderMissing, ArtifactRefused) as error:
            failure = error
            if name != _AUTO_ORDER[-1]:
                log.warning("%s Trying the next provider.", error)
    if not opened:
        raise failure
    return opened[0] if len(opened) == 1 else choose(opened)


def session_provider(session: ort.InferenceSession) -> str:
    """Return the key in `PROVIDERS` of the provider that runs a session.

    Args:
        session: An open session.
    """
    running = session.get_providers()[0]
    return next((name for name, full in PROVIDERS.items() if full == running), running)


def open_session(
    path: Path,
    provider: str,
    content: bytes | None = None,
    *,
    optimize: bool = True,
    threads: int = 0,
    shared: bool = False,
) -> ort.InferenceSession:
    """Open a graph on one provider, from memory: there onnxruntime refuses external weights.

    Args:
        path: The ONNX file, which messages name.
        provider: A key of `PROVIDERS`.
        content: The file's bytes, if they are in memory already.
        optimize: Whether onnxruntime optimizes the graph. False for a graph that is only
            inspected, since optimizing evaluates its constant parts.
        threads: Threads inside an operator; 0 means one for each core.
        shared: Whether several processes run the graph, see `provider_options`.

    Returns:
        A session that runs on `provider`.

    Raises:
        ProviderMissing: The provider is unknown, not installed, or does not start here.
        ArtifactRefused: onnxruntime cannot load the graph.
    """
    _check_available(provider)
    content = path.read_bytes() if content is None else content
    if provider in ("cuda", "tensorrt"):
        # Finds the CUDA libraries that pip installed.
        ort.preload_dlls()
    plugin = _plugin(provider)
    built_in = [(PROVIDERS[provider], provider_options(provider, shared=shared))]
    try:
        session = create_session(
            content, built_in, plugin=plugin, threads=threads, optimize=optimize
        )
    except Exception as error:  # onnxruntime raises its own undocumented classes
        raise _open_error(path, content, provider, error) from error
    # onnxruntime falls back to the CPU without an error if, for example, the CUDA driver is old.
    if session.get_providers()[0] != PROVIDERS[provider]:
        raise ProviderMissing(
            f"The {provider} provider is installed but does not start here: "
            "its driver, or a library that it needs, is missing or too old."
        )
    return session


def _check_available(provider: str) -> None:
    if provider not in PROVIDERS:
        raise ProviderMissing(
            f"There is no provider {provider!r}; choose auto, {', '.join(PROVIDERS)}."
        )
    if is_available(provider):
        return
    if provider in PLUGINS:
        raise ProviderMissing(
            f"The {provider} provider is not installed; {extras_advice(provider)}"
        )
    raise ProviderMissing(
        f"This onnxruntime has no {provider} provider; install one that has "
        f"(for cuda: {extras_command('gpu')})."
    )


def _plugin(provider: str) -> PluginDevice | None:
    """The device of a provider's plug-in with its options; None if it is built in."""
    if not has_plugin(provider):
        return None
    # The device decides the type, and the plug-in ignores the option with a warning.
    options = {k: v for k, v in provider_options(provider).items() if k != "device_type"}
    return plugin_device(provider), options


def _open_error(path: Path, content: bytes, provider: str, error: Exception) -> Exception:
    """The error to raise if a session could not be created."""
    if any(words in str(error) for words in _EXTERNAL_DATA_MESSAGES):
        return ArtifactRefused(
            f"{path} uses external data files, which are not supported; save the model as one file."
        )
    if provider != "cpu" and _opens_on_cpu(content):
        return ProviderMissing(
            f"The {provider} provider is installed but does not start here ({first_line(error)})."
        )
    return ArtifactRefused(f"onnxruntime cannot load {path} ({first_line(error)}).")


def _opens_on_cpu(content: bytes) -> bool:
    try:
        create_session(content)
    except Exception:  # onnxruntime's undocumented classes again
        return False
    return True


def computes_in_bfloat16(provider: str) -> bool:
    """Return whether a provider computes fp32 graphs in bfloat16 on this machine.

    Args:
        provider: A key of `PROVIDERS`.
    """
    return provider == "openvino" and has_amx()


def provider_options(provider: str, *, shared: bool = False) -> dict[str, str]:
    """Return the options of a provider's session.

    On CPUs with AMX, OpenVINO computes in bfloat16: that takes a quarter of the time of float32,
    and most pixels differ by less than one level of 255.

    Args:
        provider: A key of `PROVIDERS`.
        shared: Whether several processes run the same graph, on one GPU or on several, and must
            compute the same numbers.

    Returns:
        Options by onnxruntime's names; empty for the defaults.
    """
    if shared and provider == "cuda":
        return dict(_SHARED_CUDA_OPTIONS)
    if not computes_in_bfloat16(provider):
        return {}
    return {
        "device_type": "CPU",
        "load_config": json.dumps({"CPU": {"INFERENCE_PRECISION_HINT": "bf16"}}),
    }
