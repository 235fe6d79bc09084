"""Choose an onnxruntime provider, and make sure that it is the one that runs."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort

from faceloom.cpu_features import has_amx, has_vnni
from faceloom.errors import ArtifactRefused, ProviderMissing

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
_AUTO = ("cuda", "directml", "openvino", "cpu")
# What onnxruntime says of weights outside the graph when it was opened from memory; it refuses them all.
_DRAWS_FROM_FILES = (
    "xternal data",
    "xternal_data",
    "model_path must not be empty",
    "in-memory address marker",
)


def open_session(
    graph: Path, provider: str = "auto", content: bytes | None = None, *, optimze: bool = True
) -> ort.InferenceSession:
    """Open a checked graph on `provider`; see `open_graph_of`. content: its bytes where they were read already.

    optimze: not for a graph that is only looked at, as onnxruntime computes all of it that is constant.
    """
    content = graph.read_bytes() if content is None else content
    if not optimze:
        return _open(lambda _: (graph, content), provider, optimze=False)
    return open_graph_of(lambda _: (graph, content), provider)


def open_graph_of(
    graph_for: Callable[[str], tuple[Path, bytes]], provider: str = "auto"
) -> ort.InferenceSession:
    """Open the graph that `graph_for` gives for a provider, on `provider` ("auto", or a key of PROVIDERS).

    graph_for: gives its path, which messages name, and its bytes: a graph is always opened from memory, where
    onnxruntime refuses one that draws its weights from another file. Only "auto" falls back, and says so in the
    log. Raises ProviderMissing if the asked provider does not run here, ArtifactRefused if onnxruntime cannot load
    the graph.
    """
    if provider != "auto":
        return _open(graph_for, provider)
    available = ort.get_available_providers()
    for name in (name for name in _AUTO if PROVIDERS[name] in available):
        try:
            return _open(graph_for, name)
        except (ProviderMissing, ArtifactRefused) as refused:
            if name == _AUTO[-1]:
                raise
            log.warning("%s Trying the next provider.", refused)
    raise ProviderMissing(
        "No onnxruntime provider runs here; reinstall with pip install 'faceloom[cpu]'."
    )


def provider_name(session: ort.InferenceSession) -> str:
    """Return the key of the provider that a session really runs on."""
    running = session.get_providers()[0]
    return next((name for name, full in PROVIDERS.items() if full == running), running)


def _open(
    graph_for: Callable[[str], tuple[Path, bytes]], name: str, *, optimze: bool = True
) -> ort.InferenceSession:
    if name not in PROVIDERS:
        raise ProviderMissing(
            f"There is no provider {name!r}; choose auto, {', '.join(PROVIDERS)}."
        )
    if PROVIDERS[name] not in ort.get_available_providers():
        raise ProviderMissing(
            f"This onnxruntime has no {name} provider; install one that has (for cuda: pip install 'faceloom[gpu]')."
        )
    if name in ("cuda", "tensorrt"):
        ort.preload_dlls()  # finds CUDA libraries that pip installed
    options = _session_options(optimze=optimze)
    graph, content = graph_for(name)
    try:
        # Where it falls back to the CPU, onnxruntime says so on standard output, and keeps the reason to itself.
        chosen = [(PROVIDERS[name], provider_options(name))]
        session = ort.InferenceSession(content, options, providers=chosen, enable_fallback=0)
    except Exception as error:  # onnxruntime raises its own undocumented kinds
        if any(words in str(error) for words in _DRAWS_FROM_FILES):
            raise ArtifactRefused(
                f"{graph} draws its weights from outside itself, which no model that travels may; save it as one file."
            ) from error
        if name != "cpu" and _opens_on_cpu(content, options):
            raise ProviderMissing(
                f"The {name} provider is installed but does not start here ({_first_line(error)})."
            ) from error
        raise ArtifactRefused(f"onnxruntime cannot load {graph} ({_first_line(error)}).") from error
    # onnxruntime falls back to the CPU without an error when, say, the CUDA driver is too old.
    if session.get_providers()[0] != PROVIDERS[name]:
        raise ProviderMissing(
            f"The {name} provider is installed but does not start here: "
            "its driver, or a library that it needs, is missing or too old."
        )
    return session


def _opens_on_cpu(content: bytes, options: ort.SessionOptions) -> bool:
    try:
        ort.InferenceSession(content, options, providers=[PROVIDERS["cpu"]], enable_fallback=0)
    except Exception:  # its own undocumented kinds again
        return False
    return True


def computes_in_bfloat16(name: str) -> bool:
    """Tell whether a provider computes float32 graphs in bfloat16 here."""
    return name == "openvino" and has_amx()


def provider_options(name: str) -> dict[str, str]:
    """Return what a provider is told: OpenVINO to compute in bfloat16 where the processor multiplies matrices of it.

    That takes a quarter of the time of float32; most pixels differ from it by less than a level of 255.
    """
    if not computes_in_bfloat16(name):
        return {}
    return {
        "device_type": "CPU",
        "load_config": json.dumps({"CPU": {"INFERENCE_PRECISION_HINT": "bf16"}}),
    }


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _session_options(*, optimze: bool) -> ort.SessionOptions:
    options = ort.SessionOptions()
    # What goes wrong is raised, and said in our words; onnxruntime would print it as well.
    options.log_severity_level = 4
    if not optimze:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Threads that wait for work would keep the other stages of a conversion from theirs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not has_vnni():
        # Without it products of int8 would be added in 16 bits, which overflow. With it this takes 2.3 times as long.
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options
