"""onnxruntime's providers: a network is run on each, since being listed proves nothing."""

from collections.abc import Iterator
from importlib.metadata import distributions

import numpy as np
import onnxruntime as ort

from faceloom.doctor.finding import Finding
from faceloom.errors import FaceloomError
from faceloom.swap.inference.providers import PROVIDERS, open_session
from faceloom.weights import FACE_MESH

_PACKAGES = frozenset(
    {"onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"}
)


def check() -> Iterator[Finding]:
    """Say which provider runs."""
    yield _package()
    listed = ort.get_available_providers()
    for name, full in PROVIDERS.items():
        if full in listed:
            yield _try(name)
    if PROVIDERS["cuda"] not in listed:
        yield Finding(
            "provider cuda",
            "missing",
            "not in this onnxruntime",
            "with an NVIDIA GPU: pip uninstall onnxruntime && pip install 'faceloom[gpu]'",
        )


def _package() -> Finding:
    """Two packages that install the same module overwrite each other, which no installer reports."""
    installed = sorted(
        {d.name.lower() for d in distributions() if d.name and d.name.lower() in _PACKAGES}
    )
    detail = f"{ort.__version__} from {', '.join(installed)}"
    if len(installed) > 1:
        return Finding(
            "onnxruntime",
            "failed",
            detail,
            f"uninstall all of {', '.join(installed)}, then install one",
        )
    return Finding("onnxruntime", "ok", detail)


def _try(name: str) -> Finding:
    what = f"provider {name}"
    try:
        session = open_session(FACE_MESH.read_path(), name)
        session.run(None, {"input_1": np.zeros((1, 192, 192, 3), np.float32)})
    except FaceloomError as error:
        return Finding(what, "missing", "listed, but does not run", str(error))
    except Exception as error:  # a provider fails in its own undocumented ways
        return Finding(
            what, "missing", f"listed, but does not run: {str(error)[:200]}", "update its driver"
        )
    return Finding(what, "ok", "ran a network")
