"""Choose an onnxruntime provider, and make sure that it is the one that runs."""

import logging
from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort

from faceloom.errors import ArtefactRefused, ProviderMissing

log = logging.getLogger(__name__)

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
# The order of "auto". TensorRT and CoreML build an engine for minutes first, so they run only when asked for.
_AUTO = ("cuda", "directml", "cpu")


def open_session(graph: Path, provider: str = "auto") -> ort.InferenceSession:
    """Open a checked graph on `provider` ("auto", or a key of PROVIDERS); see `open_graph_of`."""
    return open_graph_of(lambda _: graph, provider)


def open_graph_of(graph_for: Callable[[str], Path], provider: str = "auto") -> ort.InferenceSession:
    """Open the graph that `graph_for` names for a provider, on `provider` ("auto", or a key of PROVIDERS).

    Only "auto" falls back, and says so in the log. Raises ProviderMissing if the asked provider
    does not run here, ArtefactRefused if onnxruntime cannot load the graph.
    """
    if provider != "auto":
        return _open(graph_for, provider)
    available = ort.get_available_providers()
    for name in (name for name in _AUTO if PROVIDERS[name] in available):
        try:
            return _open(graph_for, name)
        except (ProviderMissing, ArtefactRefused) as refused:
            if name == _AUTO[-1]:
                raise
            log.warning("%s Trying the next provider.", refused)
    raise ProviderMissing("No onnxruntime provider runs here; reinstall with pip install 'faceloom[cpu]'.")


def provider_name(session: ort.InferenceSession) -> str:
    """Return the key of the provider that a session really runs on."""
    running = session.get_providers()[0]
    return next((name for name, full in PROVIDERS.items() if full == running), running)


def _open(graph_for: Callable[[str], Path], name: str) -> ort.InferenceSession:
    if name not in PROVIDERS:
        raise ProviderMissing(f"There is no provider {name!r}; choose auto, {', '.join(PROVIDERS)}.")
    if PROVIDERS[name] not in ort.get_available_providers():
        raise ProviderMissing(
            f"This onnxruntime has no {name} provider; install one that has (for cuda: pip install 'faceloom[gpu]')."
        )
    if name in ("cuda", "tensorrt"):
        ort.preload_dlls()  # finds CUDA libraries that pip installed
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # Processors without VNNI would add products of int8 in 16 bits, which overflow.
    options.add_session_config_entry("session.x64quantprecision", "1")
    graph = graph_for(name)
    try:
        session = ort.InferenceSession(str(graph), options, providers=[PROVIDERS[name]])
    except Exception as error:  # onnxruntime raises its own undocumented kinds
        raise ArtefactRefused(f"onnxruntime cannot load {graph} ({_first_line(error)}).") from error
    # onnxruntime falls back to the CPU without an error when, say, the CUDA driver is too old.
    if session.get_providers()[0] != PROVIDERS[name]:
        raise ProviderMissing(
            f"The {name} provider is installed but does not start here; `faceloom doctor` says what it lacks."
        )
    return session


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
