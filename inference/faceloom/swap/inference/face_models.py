"""Run the face networks of a conversion on another provider than the CPU."""

import logging
from functools import partial

import numpy as np
import onnxruntime as ort

from faceloom.errors import UsageError
from faceloom.onnx_session import FaceModelOpener, first_line, open_face_model
from faceloom.swap.inference.providers import PROVIDERS, open_session
from faceloom.weights import FACE_MESH, Weights

log = logging.getLogger(__name__)


def resolve_face_provider(provider: str) -> str:
    """Return the provider on which the face networks run; the CPU, with a warning, if one fails.

    Args:
        provider: A key of `PROVIDERS`.

    Returns:
        The same, or "cpu".

    Raises:
        UsageError: There is no such provider.
    """
    if provider not in PROVIDERS:
        raise UsageError(
            f"--face-provider {provider!r} is invalid; choose one of {', '.join(PROVIDERS)}."
        )
    if provider == "cpu":
        return provider
    try:
        run_face_mesh(provider)
    except Exception as error:  # a provider fails with its own undocumented classes
        log.warning("The face networks run on the CPU. %s", first_line(error))
        return "cpu"
    return provider


def run_face_mesh(provider: str) -> None:
    """Run the face mesh network once on a provider.

    Args:
        provider: A key of `PROVIDERS`.

    Raises:
        ProviderMissing: The provider does not start here.
        Exception: Of onnxruntime's own undocumented classes, if it does not run the network.
    """
    session = open_session(FACE_MESH.verified_path(), provider)
    session.run(None, {"input_1": np.zeros((1, 192, 192, 3), np.float32)})


def face_model_opener(provider: str) -> FaceModelOpener:
    """Return what opens the face networks on a provider.

    Args:
        provider: What `resolve_face_provider` returns.
    """
    return open_face_model if provider == "cpu" else partial(_open_face_model, provider)


def _open_face_model(provider: str, weights: Weights, threads: int) -> ort.InferenceSession:
    # Shared: a resumed conversion, and each process, must find the same faces.
    return open_session(weights.verified_path(), provider, threads=threads, shared=True)
