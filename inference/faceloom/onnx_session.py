"""Open ONNX models: the only module that creates onnxruntime sessions.

`faceloom/__init__.py` sets `ORT_DISABLE_TELEMETRY` before onnxruntime is imported, which also stops
the telemetry that a plug-in's library has of its own.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import onnxruntime as ort

from faceloom.errors import ArtifactRefused
from faceloom.hardware import has_vnni
from faceloom.weights import Weights

# An onnxruntime provider by its full name, with options or without.
Provider: TypeAlias = str | tuple[str, dict[str, str]]
# A device of a registered plug-in (onnxruntime's `OrtEpDevice`), with the provider's options.
PluginDevice: TypeAlias = tuple[object, dict[str, str]]
# Opens a vendored face model with so many threads; 0 means one for each core.
FaceModelOpener: TypeAlias = Callable[[Weights, int], ort.InferenceSession]

CPU_PROVIDER = "CPUExecutionProvider"
# Above "error": errors are raised, and onnxruntime would print them as well.
_LOG_FATAL = 4

# For a program that imported onnxruntime first, without the environment variable: it ends the
# collection of events, and onnxruntime still connects to send that of its import.
ort.disable_telemetry_events()


def create_session(
    model: Path | bytes,
    providers: Sequence[Provider] = (CPU_PROVIDER,),
    *,
    plugin: PluginDevice | None = None,
    threads: int = 0,
    optimize: bool = True,
) -> ort.InferenceSession:
    """Create an onnxruntime session with the project's settings and without provider fallback.

    Args:
        model: The model's path or bytes. From bytes, onnxruntime refuses external data files.
        providers: Execution providers, first choice first.
        plugin: A plug-in's device, which runs the model instead of `providers`.
        threads: Threads inside an operator; 0 means one for each core.
        optimize: Whether onnxruntime optimizes the graph, which evaluates constant parts of it.
            False for a graph that is only inspected.

    Returns:
        The session.

    Raises:
        Exception: Of onnxruntime's own undocumented classes, if the model cannot be loaded or no
            provider starts.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _LOG_FATAL
    if not optimize:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Spinning threads would take the cores from the other stages of a pipeline.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not has_vnni():
        # Without VNNI, int8 products are added in 16 bits, which overflow. This avoids that and
        # takes 2.3 times as long.
        options.add_session_config_entry("session.x64quantprecision", "1")
    if plugin:
        device, device_options = plugin
        options.add_provider_for_devices([device], device_options)
        providers = ()
    content = str(model) if isinstance(model, Path) else model
    # With fallback on, onnxruntime would print to standard output and hide the reason.
    return ort.InferenceSession(content, options, providers=list(providers), enable_fallback=0)


def open_cpu_session(path: Path, threads: int = 0) -> ort.InferenceSession:
    """Open a model file on the CPU.

    Args:
        path: The ONNX file.
        threads: Threads inside an operator; 0 means one for each core.

    Returns:
        The session.

    Raises:
        ArtifactRefused: onnxruntime cannot load the file.
    """
    try:
        return create_session(path, threads=threads)
    except Exception as error:  # onnxruntime raises its own undocumented classes
        raise ArtifactRefused(
            f"onnxruntime cannot load {path} ({first_line(error)}); replace the file."
        ) from error


def open_face_model(weights: Weights, threads: int = 0) -> ort.InferenceSession:
    """Open a vendored face model on the CPU.

    The face models are small: on the CPU they run beside the swap network, wherever that runs. On
    another provider `face_model_opener` of `faceloom.swap.inference.face_models` opens them.

    Args:
        weights: The vendored file; its checksum is verified.
        threads: Threads inside an operator; 0 means one for each core.

    Returns:
        The session.

    Raises:
        ArtifactRefused: The file is missing or was changed.
    """
    return open_cpu_session(weights.verified_path(), threads)


def first_line(error: BaseException) -> str:
    """Return the first line of an onnxruntime error, at most 200 characters.

    Args:
        error: The error.

    Returns:
        Its first line, or the name of its class if it has no message.
    """
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
